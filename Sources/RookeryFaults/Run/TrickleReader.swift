import Foundation
import Glibc
import RookeryCommands
import RookeryControl
import RookeryModel

/// A client that takes one byte at a time from a socket with the smallest buffer, and stands still in between.
struct TrickleReader: Sendable {
  let system: FaultSystem
  let recorder: HistoryRecorder
  let name: String
  let session: SessionID
  /// How long it stands still after its first event.
  let stall: Duration

  /// One connection: until the server ends it, or nothing came for two seconds when nothing more is due.
  func run() async throws {
    let path = system.data + "/run/api.sock"
    let request =
      "GET /v1/sessions/\(session)/events?after=0 HTTP/1.1\r\nHost: localhost\r\nAccept: text/event-stream\r\nConnection: close\r\n\r\n"
    let pause = UInt32(stall.components.seconds)
    let bytes = try await BlockingThread.run(name: "trickle") { try Self.read(path, request, pause: pause, limit: 24 << 10) }
    let stream = await recorder.connected(name, session, after: 0)
    var parser = EventStreamParser()
    for message in try parser.feed(Self.body(bytes)) {
      await recorder.received(try JSON.decode(Event.self, from: Data(message.data.utf8)), on: stream)
    }
  }

  private static func read(_ path: String, _ request: String, pause: UInt32, limit: Int) throws -> [UInt8] {
    let descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
    guard descriptor >= 0 else { throw FaultRunFailed("socket: \(errno)") }
    defer { close(descriptor) }
    var small: Int32 = 2048
    setsockopt(descriptor, SOL_SOCKET, SO_RCVBUF, &small, socklen_t(MemoryLayout<Int32>.size))
    var wait = timeval(tv_sec: 10, tv_usec: 0)
    setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &wait, socklen_t(MemoryLayout<timeval>.size))
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    guard path.utf8.count < MemoryLayout.size(ofValue: address.sun_path) else { throw FaultRunFailed("\(path) is too long") }
    withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8) }
    let connected = withUnsafePointer(to: address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size)) }
    }
    guard connected == 0 else { return [] }
    let asked = Array(request.utf8)
    guard write(descriptor, asked, asked.count) == asked.count else { return [] }
    var bytes: [UInt8] = []
    var byte: UInt8 = 0
    while bytes.count < limit, Glibc.read(descriptor, &byte, 1) == 1 {
      bytes.append(byte)
      if bytes.count == 600 { sleep(pause) }
    }
    return bytes
  }

  /// The body of a chunked answer (RFC 9112, 7.1), as far as it came.
  static func body(_ answer: [UInt8]) -> [UInt8] {
    guard let head = answer.firstRange(of: [13, 10, 13, 10]) else { return [] }
    var body: [UInt8] = []
    var rest = answer[head.upperBound...]
    while let end = rest.firstIndex(of: 10),
      let size = Int(String(decoding: rest[..<end], as: UTF8.self).prefix { $0.isHexDigit }, radix: 16),
      size > 0
    {
      let chunk = rest[(end + 1)...].prefix(size)
      body += chunk
      rest = rest[(end + 1)...].dropFirst(size + 2)
    }
    return body
  }
}
