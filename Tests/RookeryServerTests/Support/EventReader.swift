import AsyncHTTPClient
import Foundation
import NIOCore
import NIOHTTP1
import RookeryModel
import Testing

/// A client of a Server-Sent Events stream.
struct EventReader {
  struct Message: Equatable {
    var id: String?
    var data: String
  }

  private(set) var status = 0
  private(set) var generation: String?
  private(set) var comments: [String] = []
  private(set) var signals: [String] = []
  private var isSignal = false
  private var buffer: [UInt8] = []
  private var start = 0
  private var message = Message(id: nil, data: "")
  private var iterator: HTTPClientResponse.Body.AsyncIterator

  init(_ server: TestServer, _ path: String, as role: Role = .viewer, headers: [String: String] = [:], client: HTTPClient) async throws {
    var request = HTTPClientRequest(url: server.origin + path)
    request.headers.add(name: "Authorization", value: "Bearer \(server.tokens[role] ?? "")")
    request.headers.add(name: "Accept", value: "text/event-stream")
    for (name, value) in headers { request.headers.add(name: name, value: value) }
    let response = try await client.execute(request, timeout: .seconds(120))
    status = Int(response.status.code)
    #expect(response.headers.first(name: "content-type")?.hasPrefix("text/event-stream") == true)
    generation = response.headers.first(name: "rookery-generation")
    iterator = response.body.makeAsyncIterator()
  }

  typealias Role = User.Role

  /// The next message; nil when the stream ended.
  mutating func next() async throws -> Message? {
    while true {
      while let end = buffer[start...].firstIndex(of: UInt8(ascii: "\n")) {
        let line = String(decoding: buffer[start..<end], as: UTF8.self)
        start = end + 1
        if line.isEmpty {
          defer {
            message = Message(id: nil, data: "")
            isSignal = false
          }
          if isSignal { signals.append(message.data) }
          if message.id != nil { return message }
        }
        if line == "event: signal" { isSignal = true }
        if line.hasPrefix(":") { comments.append(String(line.dropFirst())) }
        if line.hasPrefix("id: ") { message.id = String(line.dropFirst(4)) }
        if line.hasPrefix("data: ") { message.data += line.dropFirst(6) }
      }
      buffer.removeFirst(start)
      start = 0
      guard let chunk = try await iterator.next() else { return nil }
      buffer += chunk.readableBytesView
    }
  }

  /// Messages until one satisfies `isLast`.
  mutating func messages(until isLast: (Message) -> Bool) async throws -> [Message] {
    var all: [Message] = []
    while let message = try await next() {
      all.append(message)
      if isLast(message) { return all }
    }
    return all
  }

  /// Reads until a comment came.
  mutating func waitForComment(_ text: String) async throws -> Bool {
    while !comments.contains(where: { $0.contains(text) }) {
      guard let chunk = try await iterator.next() else { return false }
      for line in String(buffer: chunk).split(separator: "\n") where line.hasPrefix(":") { comments.append(String(line.dropFirst())) }
    }
    return true
  }
}

/// Runs `body` with a client of its own.
func withClient<Value: Sendable>(_ body: (HTTPClient) async throws -> Value) async throws -> Value {
  let client = HTTPClient(eventLoopGroupProvider: .singleton)
  do {
    let value = try await body(client)
    try await client.shutdown()
    return value
  } catch {
    try? await client.shutdown()
    throw error
  }
}
