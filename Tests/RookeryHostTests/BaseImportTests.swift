import Foundation
import RookeryModel
import RookeryTestSupport
import Testing

@testable import RookeryHost

/// Root filesystems that were made elsewhere become bases, in a cache of the test's own.
@Suite(.serialized) struct BaseImportTests {
  private let work: TemporaryDirectory
  private let adder: BaseImport
  private let name: BaseName

  init() throws {
    work = try TemporaryDirectory(prefix: "rookery-bases")
    adder = BaseImport(cacheDirectory: work.path("cache"))
    name = try BaseName("mine")
  }

  private static let files = [
    "bin/sh", "usr/bin/git", "usr/bin/find", "usr/bin/install", "etc/ssl/certs/ca-certificates.crt", "etc/passwd", "etc/group",
  ]

  private func makeRoot(_ name: String, _ files: [String] = files) throws -> String {
    for file in files { try work.write(file == "etc/passwd" ? "root:x:0:0::/root:/bin/sh\n" : "x", to: "\(name)/\(file)") }
    return work.path(name)
  }

  private var tree: String { work.path("cache/bases/mine") }

  private func owner(_ path: String) throws -> Int {
    try #require(FileManager.default.attributesOfItem(atPath: tree + path)[.ownerAccountID] as? Int)
  }

  @Test func aDirectoryBecomesABase() async throws {
    let root = try makeRoot("root")
    _ = try await Command.run(["sh", "-c", "cd \(root) && ln -s /etc/passwd link && mkfifo pipe && chmod 4755 usr/bin/git"])
    try await adder.add(name, from: .directory(root)) { _ in }
    #expect(try adder.list().map(\.name) == [name])
    #expect(try adder.list().first?.origin == "directory")
    #expect(try owner("/bin/sh") == 100_000)
    #expect(try owner("/home/agent") == 101_000)
    #expect(try owner("/workspace") == 101_000)
    #expect(try String(contentsOfFile: tree + "/etc/passwd", encoding: .utf8).contains("agent:x:1000:1000"))
    #expect(try FileManager.default.destinationOfSymbolicLink(atPath: tree + "/link") == "/etc/passwd")
    #expect(!FileManager.default.fileExists(atPath: tree + "/pipe"))
    #expect(FileManager.default.fileExists(atPath: root + "/bin/sh"), "it is a copy")
    let again = await #expect(throws: RookeryError.self) { try await adder.add(name, from: .directory(root)) { _ in } }
    #expect(again?.code == .conflict)
    try await adder.remove(name, dataDirectory: work.path("no-data"))
    #expect(try adder.list().isEmpty)
    #expect(!FileManager.default.fileExists(atPath: tree))
  }

  @Test(arguments: ["usr/bin/git", "etc/ssl/certs/ca-certificates.crt", "bin/sh"])
  func whatIsMissingIsNamed(file: String) async throws {
    let root = try makeRoot("root", Self.files.filter { $0 != file })
    let error = await #expect(throws: RookeryError.self) { try await adder.add(name, from: .directory(root)) { _ in } }
    #expect(error?.message.contains(file.contains("certificates") ? "ca-certificates" : (file as NSString).lastPathComponent) == true)
    #expect(try adder.list().isEmpty)
    #expect(!FileManager.default.fileExists(atPath: tree))
  }

  @Test func ownersOutsideTheRangeAreRefused() async throws {
    let root = try makeRoot("root")
    _ = try await Command.run(["chown", "70000", root + "/bin/sh"])
    let error = await #expect(throws: RookeryError.self) { try await adder.add(name, from: .directory(root)) { _ in } }
    #expect(error?.message.contains("70000") == true)
  }

  @Test func aBaseInUseStays() async throws {
    try await adder.add(name, from: .directory(try makeRoot("root"))) { _ in }
    let manifest = LayerManifest(sandbox: try SandboxID("s"), parent: .base(name), created: Date(), image: nil)
    try work.write(String(decoding: JSON.encode(manifest), as: UTF8.self), to: "data/layers/i-1/manifest.json")
    let error = await #expect(throws: RookeryError.self) { try await adder.remove(name, dataDirectory: work.path("data")) }
    #expect(error?.code == .conflict)
    #expect(try adder.list().count == 1)
  }

  // MARK: OCI

  /// An OCI layout whose layers are made by these scripts, each in an empty directory.
  private func makeLayout(_ scripts: [String], tamper: Bool = false) async throws -> String {
    let layout = work.path("layout")
    func blob(_ data: Data) async throws -> (digest: String, size: Int) {
      try FileManager.default.createDirectory(atPath: layout + "/blobs/sha256", withIntermediateDirectories: true)
      try data.write(to: URL(fileURLWithPath: work.path("blob")))
      let sum = try await Command.run(["sha256sum", work.path("blob")]).output.prefix(64)
      var stored = data
      if tamper { stored[stored.count - 1] ^= 1 }
      try stored.write(to: URL(fileURLWithPath: "\(layout)/blobs/sha256/\(sum)"))
      return ("sha256:\(sum)", data.count)
    }
    var layers: [String] = []
    for (number, script) in scripts.enumerated() {
      let directory = work.path("layer-\(number)")
      let made = try await Command.run([
        "sh", "-ec", "mkdir -p \(directory); cd \(directory); \(script); tar czf \(work.path("layer.tgz")) .",
      ])
      try #require(made.status == 0)
      let (digest, size) = try await blob(try Data(contentsOf: URL(fileURLWithPath: work.path("layer.tgz"))))
      layers.append(#"{"mediaType": "application/vnd.oci.image.layer.v1.tar+gzip", "digest": "\#(digest)", "size": \#(size)}"#)
    }
    let (digest, size) = try await blob(Data(#"{"schemaVersion": 2, "layers": [\#(layers.joined(separator: ","))]}"#.utf8))
    try work.write("{}", to: "layout/oci-layout")
    try work.write(
      #"{"manifests": [{"digest": "\#(digest)", "size": \#(size), "annotations": {"org.opencontainers.image.ref.name": "v1"}}]}"#,
      to: "layout/index.json")
    return layout
  }

  private static let first =
    "mkdir -p " + Set(files.map { ($0 as NSString).deletingLastPathComponent }).joined(separator: " ") + "; touch "
    + files.joined(separator: " ")

  @Test func anImagesLayersLieOnEachOther() async throws {
    let layout = try await makeLayout([
      Self.first + "; mkdir -p opt/a opt/b; touch opt/a/gone opt/a/kept opt/b/hidden",
      "mkdir -p opt/a opt/b; touch opt/a/.wh.gone opt/b/.wh..wh..opq opt/b/new; mkdir srv; touch srv/.wh.nothing",
    ])
    try await adder.add(name, from: BaseImport.Source(oci: layout + ":v1")) { _ in }
    #expect(try FileManager.default.contentsOfDirectory(atPath: tree + "/opt/a") == ["kept"])
    #expect(try FileManager.default.contentsOfDirectory(atPath: tree + "/opt/b") == ["new"])
    #expect(try owner("/opt/a/kept") == 100_000)
    #expect(try adder.list().first?.origin == "oci layout:v1")
  }

  /// A layer's link to the machine's own files, and a later layer that writes through it.
  @Test func noLayerWritesOutsideTheBase() async throws {
    let outside = work.path("outside")
    try FileManager.default.createDirectory(atPath: outside, withIntermediateDirectories: true)
    try work.write("mine", to: "outside/file")
    let layout = try await makeLayout([
      Self.first + "; ln -s \(outside) door", "mkdir door; echo theirs > door/file; touch door/new; touch door/.wh.other",
    ])
    try? await adder.add(name, from: .layout(layout)) { _ in }
    #expect(try String(contentsOfFile: outside + "/file", encoding: .utf8) == "mine")
    #expect(try FileManager.default.contentsOfDirectory(atPath: outside) == ["file"])
  }

  @Test func aBlobThatIsNotWhatItsNameSaysIsRefused() async throws {
    let layout = try await makeLayout([Self.first], tamper: true)
    let error = await #expect(throws: RookeryError.self) { try await adder.add(name, from: .layout(layout)) { _ in } }
    #expect(error?.code == .badRequest)
    #expect(try adder.list().isEmpty)
  }

  @Test func aTagThatIsNotThereIsRefused() async throws {
    let layout = try await makeLayout([Self.first])
    let error = await #expect(throws: RookeryError.self) { try await adder.add(name, from: .layout(layout + ":v2")) { _ in } }
    #expect(error?.message.contains("v2") == true)
  }
}
