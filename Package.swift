// swift-tools-version:6.2
import PackageDescription

/// Strict settings for every target: warnings are errors, `any` is spelt out, and a file imports what it uses.
let strict: [SwiftSetting] = [
  .swiftLanguageMode(.v6),
  .treatAllWarnings(as: .error),
  .enableUpcomingFeature("ExistentialAny"),
  .enableUpcomingFeature("MemberImportVisibility"),
]

/// `rookery-runner` runs inside sandboxes, whose base may have no Swift runtime: it carries its own.
let standaloneLink: [LinkerSetting] = [.unsafeFlags(["-static-executable"])]
let standaloneCompile: [SwiftSetting] = strict + [.unsafeFlags(["-static-stdlib"])]

extension Target.Dependency {
  static let argumentParser = product(name: "ArgumentParser", package: "swift-argument-parser")
  static let logging = product(name: "Logging", package: "swift-log")
  static let crypto = product(name: "Crypto", package: "swift-crypto")
  static let cryptoExtras = product(name: "_CryptoExtras", package: "swift-crypto")
  static let grdb = product(name: "GRDB", package: "GRDB.swift")
  static let yams = product(name: "Yams", package: "Yams")
  static let hummingbird = product(name: "Hummingbird", package: "hummingbird")
  static let hummingbirdCore = product(name: "HummingbirdCore", package: "hummingbird")
  static let hummingbirdTesting = product(name: "HummingbirdTesting", package: "hummingbird")
  static let httpClient = product(name: "AsyncHTTPClient", package: "async-http-client")
  static let nioCore = product(name: "NIOCore", package: "swift-nio")
  static let nioPosix = product(name: "NIOPosix", package: "swift-nio")
  static let nioHTTP1 = product(name: "NIOHTTP1", package: "swift-nio")
  static let nioWebSocket = product(name: "NIOWebSocket", package: "swift-nio")
  static let nioHTTPTypes = product(name: "NIOHTTPTypes", package: "swift-nio-extras")
  static let nioHTTPTypesHTTP1 = product(name: "NIOHTTPTypesHTTP1", package: "swift-nio-extras")
  static let nioFoundation = product(name: "NIOFoundationCompat", package: "swift-nio")
  static let nioSSL = product(name: "NIOSSL", package: "swift-nio-ssl")
  static let x509 = product(name: "X509", package: "swift-certificates")
  static let asn1 = product(name: "SwiftASN1", package: "swift-asn1")
  static let httpTypes = product(name: "HTTPTypes", package: "swift-http-types")
  static let serviceLifecycle = product(name: "ServiceLifecycle", package: "swift-service-lifecycle")
}

func module(_ name: String, _ dependencies: [Target.Dependency] = [], resources: [Resource]? = nil) -> Target {
  .target(name: name, dependencies: dependencies, resources: resources, swiftSettings: strict)
}

func tests(_ name: String, _ dependencies: [Target.Dependency], resources: [Resource]? = nil) -> Target {
  .testTarget(name: name, dependencies: dependencies, resources: resources, swiftSettings: strict)
}

let package = Package(
  name: "rookery",
  platforms: [.macOS(.v15)],
  products: [
    .executable(name: "rookery", targets: ["rookery"]),
    .executable(name: "rookery-runner", targets: ["rookery-runner"]),
  ],
  dependencies: [
    .package(url: "https://github.com/apple/swift-argument-parser.git", from: "1.8.2"),
    .package(url: "https://github.com/apple/swift-log.git", from: "1.16.2"),
    .package(url: "https://github.com/apple/swift-crypto.git", from: "4.5.2"),
    .package(url: "https://github.com/apple/swift-nio.git", from: "2.101.2"),
    .package(url: "https://github.com/apple/swift-asn1.git", from: "1.3.1"),
    .package(url: "https://github.com/apple/swift-certificates.git", from: "1.10.0"),
    .package(url: "https://github.com/apple/swift-nio-ssl.git", from: "2.30.0"),
    .package(url: "https://github.com/apple/swift-http-types.git", from: "1.8.0"),
    .package(url: "https://github.com/groue/GRDB.swift.git", from: "7.10.0"),
    .package(url: "https://github.com/hummingbird-project/hummingbird.git", from: "2.28.1"),
    .package(url: "https://github.com/apple/swift-nio-extras.git", from: "1.35.2"),
    .package(url: "https://github.com/jpsim/Yams.git", from: "6.2.2"),
    .package(url: "https://github.com/swift-server/async-http-client.git", from: "1.37.0"),
    .package(url: "https://github.com/swift-server/swift-service-lifecycle.git", from: "2.13.0"),
  ],
  targets: [
    // The words of the product as types; no dependencies.
    module("RookeryModel"),
    // The Linux calls that Swift cannot make.
    .target(name: "CSandbox"),
    .systemLibrary(
      name: "CCmarkGFM", pkgConfig: "libcmark-gfm",
      providers: [.apt(["libcmark-gfm-dev", "libcmark-gfm-extensions-dev"])]),
    // Calls of glibc that Swift's own module hides.
    .systemLibrary(name: "CGlibc"),
    .systemLibrary(name: "CZlib", pkgConfig: "zlib", providers: [.apt(["zlib1g-dev"])]),
    // Searching and decompressing for the runner, without headers of zlib's in anybody's way.
    .target(name: "CScan", linkerSettings: [.linkedLibrary("z")]),
    // Requests between our own processes over a Unix socket: peer credentials, descriptor passing.
    module("RookeryControl", ["RookeryModel", "CSandbox"]),
    module("RookeryConfiguration", ["RookeryModel", .yams]),
    module("RookeryStore", ["RookeryModel", .grdb, .crypto]),
    // Inside the sandbox: standard library, Glibc and our C only.
    module("RookeryRunner", ["CSandbox", "CScan"]),
    module("RookeryRunnerClient", ["RookeryModel", "RookeryRunner", "CSandbox"]),
    module(
      "RookerySandbox",
      [
        "RookeryModel", "RookeryConfiguration", "RookeryControl", "RookeryRunner", "RookeryRunnerClient", "RookeryStore", "CSandbox",
        .logging, .crypto, .x509, .asn1,
      ]),
    module("RookeryHost", ["RookeryModel", "RookeryControl", "CSandbox", .logging]),
    module(
      "RookeryGateway",
      ["RookeryModel", "RookeryControl", "CZlib", .logging, .httpClient, .nioCore, .nioPosix, .nioHTTP1, .nioFoundation, .nioSSL]),
    module("RookeryAgents", ["RookeryModel"]),
    module("RookeryRehearsal", ["RookeryModel", "CGlibc", .hummingbird, .httpTypes, .logging, .nioCore]),
    module(
      "RookeryGitHub",
      [
        "RookeryModel", "RookeryConfiguration", "RookeryStore", .httpClient, .nioCore, .nioFoundation, .nioHTTP1, .crypto, .cryptoExtras,
        .logging,
      ]),
    module(
      "RookerySessions",
      ["RookeryModel", "RookeryStore", "RookerySandbox", "RookeryAgents", "RookeryGitHub", .grdb, .logging, .crypto]),
    // WebSockets as ordinary routes: the only importer of NIOWebSocket.
    module(
      "RookeryWebSocket",
      ["RookeryModel", .crypto, .httpTypes, .nioCore, .nioHTTP1, .nioHTTPTypes, .nioHTTPTypesHTTP1, .nioWebSocket]),
    module(
      "RookeryServer",
      [
        "RookeryModel", "RookeryStore", "RookeryConfiguration", "RookerySessions", "RookerySandbox", "RookeryWebSocket", "CCmarkGFM",
        .hummingbird, .hummingbirdCore, .httpTypes, .logging, .crypto, .nioCore, .serviceLifecycle,
      ],
      resources: [.embedInCode("Resources")]),
    module(
      "RookeryCommands",
      [
        "RookeryModel", "RookeryConfiguration", "RookeryControl", "RookeryServer", "RookeryHost", "RookeryGateway",
        "RookeryRehearsal", "RookeryAgents", "RookerySessions", "RookerySandbox", "RookeryStore", "RookeryGitHub",
        .argumentParser, .logging, .httpClient, .nioCore, .nioHTTP1, .nioFoundation, .serviceLifecycle, .hummingbird,
      ]),
    .executableTarget(name: "rookery", dependencies: ["RookeryCommands"], swiftSettings: strict),
    .executableTarget(
      name: "rookery-runner", dependencies: ["RookeryRunner"], swiftSettings: standaloneCompile, linkerSettings: standaloneLink),
    // Measures the product beside its peers: `make bench`.
    .executableTarget(
      name: "rookery-benchmarks",
      dependencies: [
        "RookeryCommands", "RookeryConfiguration", "RookeryControl", "RookeryHost", "RookeryModel", "RookeryRehearsal",
        "RookeryAgents", "RookeryRunnerClient", "RookerySandbox", "RookeryServer", "RookerySessions", "RookeryStore", .logging,
        .product(name: "GRDBSQLite", package: "GRDB.swift"),
      ],
      path: "Benchmarks", exclude: ["peers"], swiftSettings: strict),
    // The load of the fan-out benchmark.
    .executableTarget(name: "rookery-load", cSettings: [.unsafeFlags(["-O2", "-Wall", "-Wextra", "-Werror"])]),
    // What tests need that the product does not: a git server, doubles, temporary directories.
    .target(
      name: "RookeryTestSupport",
      dependencies: [
        "RookeryModel", "RookeryRehearsal", .hummingbird, .httpTypes, .httpClient, .nioCore, .nioPosix, .logging, .yams, .crypto,
        .cryptoExtras,
      ],
      swiftSettings: strict),

    // Breaks the running product and judges what it did: `make faults`, and a short form among the tests.
    .target(name: "CFaults"),
    module(
      "RookeryFaults",
      [
        "CFaults", "RookeryCommands", "RookeryControl", "RookeryModel", "RookeryRehearsal", "RookeryTestSupport", .argumentParser,
        .httpClient, .nioCore,
      ]),
    .executableTarget(name: "rookery-faults", dependencies: ["RookeryFaults"], swiftSettings: strict),

    // A host in a process of its own, which a test can kill.
    .executableTarget(
      name: "rookery-host-fixture", dependencies: ["RookeryHost", "RookeryModel"], path: "Tests/HostFixture", swiftSettings: strict),

    tests("RookeryModelTests", ["RookeryModel"]),
    tests("RookeryConfigurationTests", ["RookeryConfiguration"]),
    tests("RookeryControlTests", ["RookeryControl", "RookeryModel", "CSandbox"]),
    tests("RookeryTestSupportTests", ["RookeryTestSupport", "RookeryRehearsal"]),
    tests("RookeryStoreTests", ["RookeryStore", "RookeryModel", "RookeryTestSupport", .crypto, .grdb]),
    tests("RookeryRunnerTests", ["RookeryRunner", "RookeryRunnerClient", "RookeryTestSupport"]),
    tests(
      "RookeryHostTests",
      ["RookeryHost", "RookeryModel", "CSandbox", "RookeryRunnerClient", "RookeryControl", "RookeryTestSupport", .logging]),
    tests(
      "RookeryGatewayTests",
      [
        "RookeryGateway", "RookeryControl", "RookeryModel", "RookeryRehearsal", "RookeryTestSupport", "CGlibc", "CZlib", .hummingbird,
        .httpTypes,
        .logging, .nioCore, .nioHTTP1,
      ]),
    tests("RookeryAgentsTests", ["RookeryModel", "RookeryAgents", "RookeryRehearsal", "RookeryTestSupport"]),
    tests(
      "RookeryGitHubTests",
      ["RookeryGitHub", "RookeryConfiguration", "RookeryModel", "RookeryStore", "RookeryTestSupport", .crypto, .cryptoExtras, .logging]),
    tests(
      "RookerySandboxTests",
      [
        "RookerySandbox", "RookeryStore", "RookeryConfiguration", "RookeryControl", "RookeryHost", "RookeryGateway", "RookeryRehearsal",
        "RookeryTestSupport", .logging,
      ]),
    tests(
      "RookerySessionsTests",
      [
        "RookerySessions", "RookeryAgents", "RookeryConfiguration", "RookeryModel", "RookerySandbox", "RookeryStore", "RookeryTestSupport",
        .logging,
      ]),
    tests("RookeryWebSocketTests", ["RookeryWebSocket", "RookeryModel", .httpTypes]),
    tests(
      "RookeryServerTests",
      [
        "RookeryServer", "RookerySessions", "RookeryStore", "RookeryConfiguration", "RookeryModel", "RookeryTestSupport", .httpClient,
        .httpTypes, .nioCore, .nioHTTP1, .nioFoundation, .serviceLifecycle, .logging,
      ]),
    tests(
      "RookeryCommandsTests",
      ["RookeryCommands", "RookeryHost", "RookeryModel", .argumentParser, .hummingbird, .logging, .nioCore]),
    // Protocols against their standards.
    tests(
      "ConformanceTests",
      ["RookeryWebSocket", "RookeryModel", "RookeryTestSupport", .hummingbird, .hummingbirdCore, .httpTypes, .logging, .nioCore]),
    tests("FaultTests", ["RookeryFaults", "RookeryModel"]),
    tests("IntegrationTests", ["RookeryCommands", "RookeryModel", "RookeryRehearsal", "RookeryTestSupport", .httpClient, .nioCore]),
  ]
)
