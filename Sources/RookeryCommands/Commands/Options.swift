import ArgumentParser
import Foundation
import RookeryModel

/// Where a machine's data lies.
struct DataOptions: ParsableArguments {
  @Option(help: "Data directory. (default: $ROOKERY_DATA, else \(DataLayout.defaultData))")
  var data: String?

  @Option(help: "Host-wide cache of bases and agents. (default: $ROOKERY_CACHE, else \(DataLayout.defaultCache))")
  var cache: String?

  func layout() throws -> DataLayout {
    let environment = ProcessInfo.processInfo.environment
    return try DataLayout(
      data: data ?? environment["ROOKERY_DATA"] ?? DataLayout.defaultData,
      cache: cache ?? environment["ROOKERY_CACHE"] ?? DataLayout.defaultCache)
  }
}

/// Which server a command talks to.
struct ServerOptions: ParsableArguments {
  @Option(help: "Data directory of a server on this machine. (default: $ROOKERY_DATA, else \(DataLayout.defaultData))")
  var data: String?

  @Option(help: "Address of a server elsewhere; its token comes from $ROOKERY_TOKEN. (default: $ROOKERY_SERVER)")
  var server: String?

  func address() throws -> ServerAddress {
    let environment = ProcessInfo.processInfo.environment
    // A data directory on the command line outranks a server in the environment.
    let elsewhere = server ?? (data == nil ? environment["ROOKERY_SERVER"].flatMap { $0.isEmpty ? nil : $0 } : nil)
    return try ServerAddress(
      server: elsewhere, data: data ?? environment["ROOKERY_DATA"] ?? DataLayout.defaultData, token: environment["ROOKERY_TOKEN"])
  }

  /// Runs `body` with a client of that server.
  func client<Value: Sendable>(_ body: (APIClient) async throws -> Value) async throws -> Value {
    try await APIClient.with(address(), body)
  }
}

/// For commands whose result a program may read.
struct JSONOption: ParsableArguments {
  @Flag(help: "Print JSON.")
  var json = false
}

/// For commands that follow a session.
struct FollowOptions: ParsableArguments {
  @Flag(help: "Print JSON, an event a line.")
  var json = false

  @Flag(name: .shortAndLong, help: "Show the agent's own log, too.")
  var verbose = false
}

extension Identifier: ExpressibleByArgument {
  public init?(argument: String) { self.init(rawValue: argument) }
}

extension Terminal {
  /// A value as one line of JSON.
  func json(_ value: some Encodable) throws { line(String(decoding: try JSON.encode(value), as: UTF8.self)) }
}
