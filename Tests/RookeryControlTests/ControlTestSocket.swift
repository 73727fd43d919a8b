import CSandbox
import Foundation
import Glibc
import RookeryModel
import Testing

@testable import RookeryControl

enum Question: Codable, Sendable { case echo(String), fail, failUntyped, wait(seconds: Int), sum([Int]), fileSizes }
struct Reply: Codable, Sendable, Equatable {
  var text: String
  var user: UInt32 = .max
}

/// A server on a socket of its own directory, and a client for it.
final class ControlTestSocket: Sendable {
  let directory: String
  let path: String
  let client: ControlClient

  init(server: UInt32 = getuid()) throws {
    directory = NSTemporaryDirectory() + "rookery-control-" + String(UInt64.random(in: 0..<UInt64.max), radix: 36)
    try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
    path = directory + "/c.sock"
    client = ControlClient(path: path, allowedServers: [server])
  }

  deinit { try? FileManager.default.removeItem(atPath: directory) }

  func serve(
    allowed: Set<UInt32> = [getuid()], bounds: ControlServer.Bounds = .init(), onWait: @escaping @Sendable () -> Void = {},
    onCancel: @escaping @Sendable () -> Void = {}
  ) throws -> ControlServer {
    try ControlServer(path: path, mode: 0o600, owner: nil, allowedUsers: allowed, bounds: bounds) { data, peer, descriptors in
      defer { for descriptor in descriptors { close(descriptor) } }
      switch try JSON.decode(Question.self, from: data) {
      case .echo(let text): return try JSON.encode(Reply(text: text, user: peer.uid))
      case .fail: throw RookeryError(.diskFull, "The disk is full.", mend: "Free some.", context: "not to be sent")
      case .failUntyped: throw CocoaError(.fileNoSuchFile)
      case .wait(let seconds):
        onWait()
        try await withTaskCancellationHandler {
          try await Task.sleep(for: .seconds(seconds))
        } onCancel: {
          onCancel()
        }
        return try JSON.encode(Reply(text: "waited"))
      case .sum(let numbers): return try JSON.encode(Reply(text: String(numbers.reduce(0, +))))
      case .fileSizes:
        let sizes = descriptors.map { descriptor in
          var status = stat()
          return fstat(descriptor, &status) == 0 ? Int(status.st_size) : -1
        }
        return try JSON.encode(Reply(text: sizes.map(String.init).joined(separator: ",")))
      }
    }
  }

  /// A raw connection, for peers that do not follow the protocol.
  func connect() throws -> FrameSocket {
    var connection: Int32 = -1
    try #require(cs_unix_connect(path, 5000, &connection) == 0)
    return FrameSocket(descriptor: connection)
  }
}
