import Foundation
import Glibc

/// A client that speaks WebSocket byte by byte, well or badly, for tests of servers. It blocks: use it in `onThread`.
package final class WebSocketProbe: Sendable {
  /// A frame as it came.
  package struct Frame: Equatable, Sendable {
    package var opcode: UInt8
    package var payload: [UInt8]
    package var text: String { String(decoding: payload, as: UTF8.self) }

    package init(_ opcode: UInt8, _ payload: some Sequence<UInt8> = []) {
      self.opcode = opcode
      self.payload = Array(payload)
    }
  }

  package enum Failure: Error, Equatable { case connect(Int32), timeout, closed }

  private let descriptor: Int32

  /// Connects to a port of loopback.
  package init(port: Int, receiveBuffer: Int32? = nil, patience seconds: Int = 20) throws {
    descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
    if var size = receiveBuffer { setsockopt(descriptor, SOL_SOCKET, SO_RCVBUF, &size, socklen_t(MemoryLayout<Int32>.size)) }
    var timeout = timeval(tv_sec: seconds, tv_usec: 0)
    setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &timeout, socklen_t(MemoryLayout<timeval>.size))
    setsockopt(descriptor, SOL_SOCKET, SO_SNDTIMEO, &timeout, socklen_t(MemoryLayout<timeval>.size))
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = in_port_t(port).bigEndian
    address.sin_addr.s_addr = inet_addr("127.0.0.1")
    let connected = withUnsafePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) }
    }
    guard connected == 0 else { throw Failure.connect(errno) }
  }

  deinit { close(descriptor) }

  // MARK: Bytes

  /// Sends all of `bytes`; a peer that closed is noticed when reading.
  package func send(_ bytes: some Sequence<UInt8>) {
    let bytes = Array(bytes)
    var sent = 0
    while sent < bytes.count {
      let count = bytes.withUnsafeBytes {
        Glibc.send(descriptor, $0.baseAddress?.advanced(by: sent), bytes.count - sent, Int32(MSG_NOSIGNAL))
      }
      guard count > 0 else { return }
      sent += count
    }
  }

  /// At least one byte and at most `limit`.
  package func receive(_ limit: Int = 1 << 16) throws -> [UInt8] {
    var buffer = [UInt8](repeating: 0, count: limit)
    let count = recv(descriptor, &buffer, limit, 0)
    if count > 0 { return Array(buffer.prefix(count)) }
    throw count < 0 && (errno == EAGAIN || errno == EWOULDBLOCK) ? Failure.timeout : Failure.closed
  }

  // MARK: HTTP

  /// The head of an answer, and what came after it.
  package struct Head: Sendable {
    package var text: String
    package var rest: [UInt8]
    package var status: Int { Int(text.split(separator: " ").dropFirst().first ?? "") ?? 0 }

    package func header(_ name: String) -> String? {
      text.split(separator: "\r\n").first { $0.lowercased().hasPrefix(name.lowercased() + ":") }
        .map { $0.dropFirst(name.count + 1).trimmingCharacters(in: .whitespaces) }
    }
  }

  package func ask(_ request: String) throws -> Head {
    send(Array(request.utf8))
    var bytes: [UInt8] = []
    while true {
      bytes += try receive()
      if let end = bytes.firstRange(of: Array("\r\n\r\n".utf8)) {
        return Head(text: String(decoding: bytes[..<end.lowerBound], as: UTF8.self), rest: Array(bytes[end.upperBound...]))
      }
    }
  }

  /// Asks for a WebSocket with the key of RFC 6455's example.
  package func upgrade(_ path: String, headers: [String] = [], method: String = "GET", version: String = "13", key: String = exampleKey)
    throws -> Head
  {
    let lines =
      [
        "\(method) \(path) HTTP/1.1", "Host: localhost", "Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Key: \(key)",
        "Sec-WebSocket-Version: \(version)",
      ] + headers
    return try ask(lines.joined(separator: "\r\n") + "\r\n\r\n")
  }

  package static let exampleKey = "dGhlIHNhbXBsZSBub25jZQ=="
  package static let exampleAccept = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="

  // MARK: Frames

  /// A frame's bytes, masked as clients must unless told otherwise.
  package static func frame(
    _ opcode: UInt8, _ payload: some Sequence<UInt8> = [], isLast: Bool = true, reserved: UInt8 = 0, isMasked: Bool = true
  ) -> [UInt8] {
    let payload = Array(payload)
    let mask: UInt8 = isMasked ? 0x80 : 0
    var bytes: [UInt8] = [(isLast ? 0x80 : 0) | reserved << 4 | opcode]
    switch payload.count {
    case ..<126: bytes.append(mask | UInt8(payload.count))
    case ..<65_536: bytes += [mask | 126, UInt8(payload.count >> 8), UInt8(payload.count & 255)]
    default: bytes += [mask | 127] + (0..<8).reversed().map { UInt8(truncatingIfNeeded: payload.count >> (8 * $0)) }
    }
    guard isMasked else { return bytes + payload }
    let key: [UInt8] = [0x37, 0xFA, 0x21, 0x3D]
    return bytes + key + payload.enumerated().map { $1 ^ key[$0 & 3] }
  }
}

/// The frames of an open socket, in order.
package struct WebSocketFrames {
  private let probe: WebSocketProbe
  private var buffer: [UInt8]
  private var start = 0

  /// `rest`: what came with the answer's head.
  package init(_ probe: WebSocketProbe, rest: [UInt8]) {
    self.probe = probe
    buffer = rest
  }

  private mutating func take(_ count: Int) throws -> ArraySlice<UInt8> {
    while buffer.count - start < count {
      if start > 1 << 20 {
        buffer.removeFirst(start)
        start = 0
      }
      buffer += try probe.receive(1 << 18)
    }
    defer { start += count }
    return buffer[start..<start + count]
  }

  package mutating func next() throws -> WebSocketProbe.Frame {
    let head = Array(try take(2))
    let count =
      switch head[1] & 127 {
      case 126: try take(2).reduce(0) { $0 << 8 | Int($1) }
      case 127: try take(8).reduce(0) { $0 << 8 | Int($1) }
      case let short: Int(short)
      }
    return WebSocketProbe.Frame(head[0] & 15, try take(count))
  }

  /// The code of the close that comes next, after whatever else comes; nil when it carries none.
  package mutating func closeCode() throws -> UInt16? {
    while true {
      let frame = try next()
      guard frame.opcode == 8 else { continue }
      return frame.payload.count < 2 ? nil : UInt16(frame.payload[0]) << 8 | UInt16(frame.payload[1])
    }
  }

  /// Whether the peer closes the connection without sending anything more.
  package mutating func isOver() -> Bool {
    do {
      _ = try take(1)
      return false
    } catch {
      return error as? WebSocketProbe.Failure == .closed
    }
  }
}

/// Runs what blocks on a thread of its own.
package func onThread<Value: Sendable>(_ body: @escaping @Sendable () throws -> Value) async throws -> Value {
  try await withCheckedThrowingContinuation { continuation in
    Thread.detachNewThread { continuation.resume(with: Result(catching: body)) }
  }
}
