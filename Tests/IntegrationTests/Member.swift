import AsyncHTTPClient
import Foundation
import NIOCore
import NIOHTTP1
import RookeryCommands
import RookeryModel
import Testing

/// Someone in a browser: signed in with a login link, known by a cookie.
struct Member: Sendable {
  let email: String
  private let socket: String
  private let cookie: String

  /// Signs a person in, who is made a member when there is no such user.
  static func signIn(_ system: RunningSystem, _ person: API.NamedAuthor) async throws -> Member {
    // A prompt on their behalf makes the user.
    _ = try await system.begin("true", author: person)
    let link = try await system.api {
      try await $0.post("/v1/login-links", API.CreateLoginLink(email: person.email), as: API.LoginLink.self)
    }
    let query = try #require(URLComponents(string: link.url.reveal())?.query)
    let visitor = Member(email: person.email, socket: system.data + "/run/api.sock", cookie: "")
    let (_, headers, _) = try await visitor.send("GET", "/login?\(query)", nil)
    let set = try #require(headers.first(name: "set-cookie"))
    return Member(email: person.email, socket: visitor.socket, cookie: String(set.split(separator: ";")[0]))
  }

  func ask(_ method: String, _ path: String, _ body: String? = nil) async throws -> (status: Int, body: String) {
    let (status, _, text) = try await send(method, path, body)
    return (status, text)
  }

  private func send(_ method: String, _ path: String, _ body: String?) async throws -> (Int, HTTPHeaders, String) {
    let host = socket.addingPercentEncoding(withAllowedCharacters: .alphanumerics) ?? ""
    var request = HTTPClientRequest(url: "http+unix://\(host)\(path)")
    request.method = HTTPMethod(rawValue: method)
    request.headers.add(name: "Host", value: "localhost")
    request.headers.add(name: "Origin", value: "http://localhost")
    if !cookie.isEmpty { request.headers.add(name: "Cookie", value: cookie) }
    if let body {
      request.headers.add(name: "Content-Type", value: "application/json")
      request.body = .bytes(ByteBuffer(string: body))
    }
    let client = HTTPClient(
      eventLoopGroupProvider: .singleton, configuration: HTTPClient.Configuration(redirectConfiguration: .disallow))
    do {
      let response = try await client.execute(request, timeout: .seconds(60))
      let text = String(buffer: try await response.body.collect(upTo: 16 << 20))
      try await client.shutdown()
      return (Int(response.status.code), response.headers, text)
    } catch {
      try? await client.shutdown()
      throw error
    }
  }
}
