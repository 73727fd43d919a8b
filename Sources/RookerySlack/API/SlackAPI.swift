import AsyncHTTPClient
import Foundation
import NIOCore
import NIOFoundationCompat
import NIOHTTP1
import RookeryModel

/// Slack's Web API. A call is made once: who calls decides whether and when to try again.
package struct SlackAPI: Sendable {
  private let url: String
  private let bot: Secret
  private let app: Secret
  private let client: HTTPClient
  private let timeout: TimeAmount

  private static let answerLimit = 8 << 20
  /// Methods that take a form alone.
  private static let forms: Set<String> = [
    "users.info", "conversations.info", "conversations.replies", "conversations.history", "files.getUploadURLExternal", "auth.test",
    "chat.getPermalink", "apps.connections.open",
  ]

  /// Lives as long as the process. It follows no redirect: a token has one destination.
  private static let shared: HTTPClient = {
    var configuration = HTTPClient.Configuration(redirectConfiguration: .disallow)
    configuration.connectionPool.retryConnectionEstablishment = false
    return HTTPClient(eventLoopGroupProvider: .singleton, configuration: configuration)
  }()

  /// - Parameters:
  ///   - url: `https://slack.com/api`.
  ///   - bot: the bot's token, `xoxb-…`.
  ///   - app: the app's token for Socket Mode, `xapp-…`; may be empty.
  package init(url: String = "https://slack.com/api", bot: Secret, app: Secret = Secret(""), timeout: Duration = .seconds(20)) {
    self.url = url.hasSuffix("/") ? String(url.dropLast()) : url
    self.bot = bot
    self.app = app
    self.timeout = TimeAmount(timeout)
    client = Self.shared
  }

  /// Calls `method`; throws `SlackFailure` or `CancellationError`.
  @discardableResult
  package func call(_ method: String, _ arguments: [String: JSONValue] = [:]) async throws -> JSONValue {
    try await callWithHeaders(method, arguments).value
  }

  /// As above, with the scopes that Slack says the token has.
  package func callWithHeaders(
    _ method: String, _ arguments: [String: JSONValue] = [:]
  ) async throws -> (value: JSONValue, scopes: [String]) {
    var request = HTTPClientRequest(url: "\(url)/\(method)")
    request.method = .POST
    let token = method == "apps.connections.open" ? app : bot
    request.headers.add(name: "Authorization", value: "Bearer \(token.reveal())")
    if Self.forms.contains(method) {
      request.headers.add(name: "Content-Type", value: "application/x-www-form-urlencoded")
      request.body = .bytes(Data(Self.form(arguments).utf8))
    } else {
      request.headers.add(name: "Content-Type", value: "application/json; charset=utf-8")
      request.body = .bytes(try JSON.encode(JSONValue.object(arguments)))
    }
    let (response, data) = try await send(request)
    if response.status == .tooManyRequests {
      let seconds = response.headers.first(name: "Retry-After").flatMap(Double.init) ?? 30
      throw SlackFailure.limited(seconds: min(max(seconds, 0), 3600))
    }
    guard response.status == .ok, let value = try? JSON.decode(JSONValue.self, from: data) else {
      throw SlackFailure.unreachable("it answered \(response.status.code)")
    }
    guard value["ok"]?.bool == true else {
      throw SlackFailure.refused(method: method, code: value["error"]?.string ?? "unknown", needed: value["needed"]?.string)
    }
    let scopes = response.headers.first(name: "x-oauth-scopes")?.split(separator: ",").map {
      $0.trimmingCharacters(in: .whitespaces)
    }
    return (value, scopes ?? [])
  }

  /// Sends a file's bytes to the address that `files.getUploadURLExternal` gave: it is a secret by itself.
  package func upload(_ data: Data, to address: String) async throws {
    guard address.hasPrefix("https://") || url.hasPrefix("http://") else { throw SlackFailure.unreachable("the address of an upload") }
    var request = HTTPClientRequest(url: address)
    request.method = .POST
    request.headers.add(name: "Content-Type", value: "application/octet-stream")
    request.body = .bytes(data)
    let (response, _) = try await send(request)
    guard response.status == .ok else { throw SlackFailure.unreachable("an upload was answered \(response.status.code)") }
  }

  private func send(_ request: HTTPClientRequest) async throws -> (HTTPClientResponse, Data) {
    do {
      let response = try await client.execute(request, timeout: timeout)
      var buffer = try await response.body.collect(upTo: Self.answerLimit)
      return (response, buffer.readData(length: buffer.readableBytes) ?? Data())
    } catch {
      if error is CancellationError || Task.isCancelled { throw CancellationError() }
      throw SlackFailure.unreachable(error is NIOTooManyBytesError ? "its answer is too long" : "no answer")
    }
  }

  private static func form(_ arguments: [String: JSONValue]) -> String {
    var allowed = CharacterSet(charactersIn: "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789")
    allowed.insert(charactersIn: "-._~")
    return arguments.sorted { $0.key < $1.key }.compactMap { name, value in
      let text: String? =
        switch value {
        case .string(let text): text
        case .integer(let number): String(number)
        case .bool(let flag): flag ? "true" : "false"
        default: nil
        }
      return text?.addingPercentEncoding(withAllowedCharacters: allowed).map { "\(name)=\($0)" }
    }.joined(separator: "&")
  }
}
