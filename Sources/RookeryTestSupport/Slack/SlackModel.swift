import Foundation
import HTTPTypes
import Hummingbird
import HummingbirdCore
import NIOCore
import RookeryModel
import Synchronization

/// What the workspace holds, and how its Web API answers.
final class SlackModel: Sendable {
  struct State: Sendable {
    var origin = ""
    var people: [String: JSONValue] = [:]
    var channels: [String: JSONValue] = [:]
    var messages: [SlackDouble.Message] = []
    var faults: [SlackDouble.Fault] = []
    var isOut = false
    var limited: (text: String, seconds: Double)?
    var enforcesRates = false
    var hasAgentSurface = true
    var scopes = SlackModel.allScopes
    var violations: [String] = []
    var calls: [String] = []
    var statuses: [String] = []
    var uploads: [String: (name: String, length: Int, data: Data?)] = [:]
    var shared: [(name: String, thread: String?, data: Data)] = []
    var tickets: Set<String> = []
    var lastPost: [String: ContinuousClock.Instant] = [:]
    var clock: Int64 = 1_764_000_000_000_000
  }

  static let allScopes = [
    "app_mentions:read", "assistant:write", "channels:history", "channels:read", "chat:write", "files:read", "files:write",
    "groups:history", "groups:read", "im:history", "im:read", "im:write", "reactions:write", "users:read", "users:read.email",
  ]

  let state = Mutex(State())
  let sockets: SlackSockets

  init(sockets: SlackSockets) { self.sockets = sockets }

  /// `seconds.microseconds`, growing.
  func nextTimestamp() -> String {
    state.withLock { state in
      state.clock += 1_000_100
      return String(format: "%lld.%06lld", state.clock / 1_000_000, state.clock % 1_000_000)
    }
  }

  func note(_ text: String) { state.withLock { $0.violations.append(text) } }

  func respond(to request: Request) async throws -> Response {
    let path = request.uri.path
    if path == "/link" {
      let ticket = request.uri.queryParameters["ticket"].map(String.init) ?? ""
      let isGood = state.withLock { !$0.isOut && $0.tickets.remove(ticket) != nil }
      guard isGood else { return Response(status: .forbidden) }
      return try sockets.response(request)
    }
    let body = Data(try await request.body.collect(upTo: 32 << 20).readableBytesView)
    if path.hasPrefix("/upload/") { return upload(String(path.dropFirst("/upload/".count)), request, body) }
    guard path.hasPrefix("/api/") else { return Response(status: .notFound) }
    let method = String(path.dropFirst("/api/".count))
    state.withLock { $0.calls.append(method) }
    if state.withLock({ $0.isOut }) { return Response(status: .serviceUnavailable) }
    let fault = state.withLock { state -> SlackDouble.Fault? in
      guard let index = state.faults.firstIndex(where: { $0.method == method || $0.method == "*" }) else { return nil }
      return state.faults.remove(at: index)
    }
    switch fault?.kind {
    case .status(let code): return Response(status: .init(code: code))
    case .limited(let seconds): return Self.limited(seconds)
    case .code(let code): return try answer(["ok": false, "error": .string(code)])
    case .lostAnswer:
      _ = try call(method, request, body)
      return Response(status: .badGateway)
    case nil: return try call(method, request, body)
    }
  }

  private static func limited(_ seconds: Double) -> Response {
    var response = Response(status: .tooManyRequests)
    if let name = HTTPField.Name("Retry-After") {
      response.headers[name] = seconds == seconds.rounded() ? String(Int(seconds)) : String(seconds)
    }
    return response
  }

  private func answer(_ value: JSONValue) throws -> Response {
    var response = Response(
      status: .ok, headers: [.contentType: "application/json; charset=utf-8"],
      body: .init(byteBuffer: ByteBuffer(bytes: try JSON.encode(value))))
    if let name = HTTPField.Name("x-oauth-scopes") { response.headers[name] = state.withLock { $0.scopes.joined(separator: ",") } }
    return response
  }

  private func call(_ method: String, _ request: Request, _ body: Data) throws -> Response {
    guard let contract = SlackContract.methods[method] else {
      note("there is no method \(method)")
      return try answer(["ok": false, "error": "unknown_method"])
    }
    if request.method != .post, request.method != .get || contract.takesJSON { note("\(method) with \(request.method)") }
    let expected = contract.isForApp ? SlackDouble.appToken : SlackDouble.botToken
    guard request.headers[.authorization] == "Bearer \(expected)" else { return try answer(["ok": false, "error": "invalid_auth"]) }
    guard let arguments = arguments(method, contract, request, body) else {
      return try answer(["ok": false, "error": "invalid_arguments"])
    }
    if let scope = contract.scope, !state.withLock({ $0.scopes.contains(scope) }) {
      return try answer(["ok": false, "error": "missing_scope", "needed": .string(scope), "provided": "chat:write"])
    }
    for problem in contract.problems(arguments) { note("\(method): \(problem)") }
    if let refusal = contract.refusal(arguments) { return try answer(["ok": false, "error": .string(refusal)]) }
    if let limited = state.withLock({ $0.limited }), arguments["text"]?.string == limited.text { return Self.limited(limited.seconds) }
    if method == "chat.postMessage", let wait = rate(arguments["channel"]?.string ?? "") { return Self.limited(wait) }
    return try answer(perform(method, arguments))
  }

  /// One message a second in a channel, with a little leeway for clocks.
  private func rate(_ channel: String) -> Double? {
    state.withLock { state in
      guard state.enforcesRates else { return nil }
      let now = ContinuousClock.now
      if let last = state.lastPost[channel], now - last < .milliseconds(900) { return 1 }
      state.lastPost[channel] = now
      return nil
    }
  }

  private func arguments(_ method: String, _ contract: SlackContract, _ request: Request, _ body: Data) -> [String: JSONValue]? {
    let type = request.headers[.contentType]?.lowercased() ?? ""
    if request.method == .get {
      return Dictionary(
        request.uri.queryParameters.map { (String($0.key), JSONValue.string(String($0.value))) }, uniquingKeysWith: { $1 })
    }
    if type.hasPrefix("application/json") {
      if !contract.takesJSON { note("\(method) takes no JSON") }
      if !type.contains("charset=utf-8") { note("\(method): JSON without charset, which Slack warns about") }
      guard case .object(let members)? = try? JSON.decode(JSONValue.self, from: body) else { return nil }
      return members
    }
    var members: [String: JSONValue] = [:]
    for pair in String(decoding: body, as: UTF8.self).split(separator: "&") {
      let parts = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
      let value = parts.count > 1 ? String(parts[1]).replacing("+", with: " ").removingPercentEncoding ?? "" : ""
      // A form has texts alone; values that are objects come as JSON.
      let isObject = value.hasPrefix("[") || value.hasPrefix("{")
      members[String(parts[0])] =
        isObject ? (try? JSON.decode(JSONValue.self, from: Data(value.utf8))) ?? .string(value) : .string(value)
    }
    return members
  }

  private func upload(_ id: String, _ request: Request, _ body: Data) -> Response {
    let isFine = state.withLock { state -> Bool in
      guard let slot = state.uploads[id], slot.length == body.count else {
        state.violations.append("an upload that was not announced, or of another length")
        return false
      }
      state.uploads[id]?.data = body
      return true
    }
    if request.headers[.authorization] != nil { note("an upload with a token") }
    return Response(status: isFine ? .ok : .badRequest)
  }
}
