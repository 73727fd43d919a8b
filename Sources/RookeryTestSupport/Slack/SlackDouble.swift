import Foundation
import Hummingbird
import HummingbirdCore
import Logging
import NIOCore
import RookeryModel
import RookeryWebSocket
import Synchronization

/// Slack, written from its public contract and stricter than the original: the Web API as far as Rookery uses it, Socket Mode with its
/// retries, refreshes and disconnects, and signed requests over HTTP. Whatever a request has that the contract does not name, or that is
/// beyond a limit, is recorded as a violation, which a test asserts there are none of.
package final class SlackDouble: Sendable {
  /// A message as the workspace keeps it.
  package struct Message: Sendable, Equatable {
    package var channel: String
    package var ts: String
    package var thread: String?
    package var user: String
    package var text: String
    package var blocks: [JSONValue] = []
    package var metadata: JSONValue?
    package var edits = 0
    /// Nil: everybody sees it.
    package var onlyFor: String?
    package var reactions: Set<String> = []
    package var isBot = false

    /// Text and blocks, as one text.
    package var everything: String {
      let blocks = (try? JSON.encode(JSONValue.array(blocks))).map { String(decoding: $0, as: UTF8.self) } ?? ""
      return text + "\n" + blocks
    }
  }

  /// What a method is answered with instead.
  package struct Fault: Sendable {
    package enum Kind: Sendable {
      case status(Int)
      case limited(seconds: Double)
      case code(String)
      /// It is done, but the answer is lost.
      case lostAnswer
    }
    package var method: String
    package var kind: Kind
    package init(_ method: String, _ kind: Kind) {
      self.method = method
      self.kind = kind
    }
  }

  package static let botToken = "xoxb-test-bot"
  package static let appToken = "xapp-test-app"
  package static let signingSecret = "8f742231b10e8888abcd99yyyzzz85a5"
  package static let team = "T0TEST"
  package static let bot = "U0ROOKERY"

  let model: SlackModel
  let sockets: SlackSockets
  private let serving: Task<Void, any Error>
  package let port: Int

  package var apiURL: String { "http://127.0.0.1:\(port)/api" }

  private init(model: SlackModel, sockets: SlackSockets, serving: Task<Void, any Error>, port: Int) {
    self.model = model
    self.sockets = sockets
    self.serving = serving
    self.port = port
  }

  deinit { serving.cancel() }

  package static func start() async throws -> SlackDouble {
    let sockets = SlackSockets()
    let model = SlackModel(sockets: sockets)
    let (ports, started) = AsyncStream<Int>.makeStream()
    var logger = Logger(label: "slack-double")
    logger.logLevel = .critical
    let configuration = HTTP1Channel.Configuration(
      additionalChannelHandlers: [WebSocketUpgradeHandler(maximumMessage: 1 << 20)])
    let application = Application(
      responder: CallbackResponder { (request: Request, context: BasicRequestContext) in try await model.respond(to: request) },
      server: .http1(configuration: configuration), configuration: .init(address: .hostname("127.0.0.1", port: 0)),
      onServerRunning: { started.yield($0.localAddress?.port ?? 0) }, logger: logger)
    let serving = Task { try await application.run() }
    guard let port = await ports.first(where: { _ in true }) else { throw Command.Failed(description: "the double did not start") }
    model.state.withLock { $0.origin = "127.0.0.1:\(port)" }
    return SlackDouble(model: model, sockets: sockets, serving: serving, port: port)
  }

  package func stop() async {
    serving.cancel()
    _ = await serving.result
  }

  // MARK: What a test arranges

  /// A person; `email` confirmed unless `isConfirmed` says otherwise.
  package func addPerson(
    _ id: String, name: String, email: String?, isConfirmed: Bool = true, isGuest: Bool = false, isStranger: Bool = false,
    isBot: Bool = false
  ) {
    var profile: [String: JSONValue] = ["display_name": .string(name.lowercased()), "real_name": .string(name)]
    if let email { profile["email"] = .string(email) }
    let user: JSONValue = [
      "id": .string(id), "team_id": .string(isStranger ? "T0OTHER" : Self.team), "name": .string(name.lowercased()),
      "real_name": .string(name), "deleted": false, "is_bot": .bool(isBot), "is_restricted": .bool(isGuest),
      "is_ultra_restricted": false, "is_stranger": .bool(isStranger), "is_email_confirmed": .bool(isConfirmed),
      "profile": .object(profile),
    ]
    model.state.withLock { $0.people[id] = user }
  }

  package func addChannel(_ id: String, name: String, topic: String = "") {
    model.state.withLock { $0.channels[id] = ["id": .string(id), "name": .string(name), "topic": ["value": .string(topic)]] }
  }

  package func fail(_ faults: [Fault]) { model.state.withLock { $0.faults += faults } }

  /// Messages of this text are answered 429.
  package func limit(text: String, seconds: Double) { model.state.withLock { $0.limited = (text, seconds) } }

  /// While it is true every call of the Web API fails, and no socket opens.
  package func setOutage(_ isOut: Bool) { model.state.withLock { $0.isOut = isOut } }

  /// Refuses more than one message a second in a channel, as Slack does.
  package func enforceRates() { model.state.withLock { $0.enforcesRates = true } }

  /// Without the native surface of agents.
  package func removeAgentSurface() { model.state.withLock { $0.hasAgentSurface = false } }

  package func setScopes(_ scopes: [String]) { model.state.withLock { $0.scopes = scopes } }

  // MARK: What a test looks at

  package var violations: [String] { model.state.withLock { $0.violations } }
  package var calls: [String] { model.state.withLock { $0.calls } }
  package var files: [(name: String, thread: String?, data: Data)] { model.state.withLock { $0.shared } }
  package var statuses: [String] { model.state.withLock { $0.statuses } }

  package func socketViolations() async -> [String] { await sockets.violations }

  /// What Slack would have against these blocks.
  package static func problems(_ blocks: [JSONValue]) -> [String] {
    SlackBlockRules.problems(blocks) + (SlackBlockRules.characters(.array(blocks)) > 13_200 ? ["blocks that are too long together"] : [])
  }

  /// Messages of ours in a thread, in order.
  package func ours(in channel: String, thread: String) -> [Message] {
    model.state.withLock { state in
      state.messages.filter { $0.channel == channel && $0.thread == thread && $0.isBot && $0.onlyFor == nil }
    }
  }

  package func ephemeral(for person: String) -> [Message] {
    model.state.withLock { state in state.messages.filter { $0.onlyFor == person } }
  }

  package func reactions(channel: String, ts: String) -> Set<String> {
    model.state.withLock { state in state.messages.first { $0.channel == channel && $0.ts == ts }?.reactions ?? [] }
  }
}
