import Foundation
import Logging
import RookeryConfiguration
import RookeryModel
import RookeryRouting
import RookerySessions
import RookeryStore

/// Slack, from what comes in to what is shown: run it beside the server.
package actor SlackService {
  /// What it works with.
  package struct Parts: Sendable {
    package var registry: Registry
    package var sessions: any SessionService
    package var routing: RoutingDesk
    package var settings: Configuration.Slack
    /// Where people reach the server, without a slash at the end.
    package var origin: String
    package var warm: @Sendable (RepositoryName, UserID) async -> Void
    package var logger: Logger

    package init(
      registry: Registry, sessions: any SessionService, routing: RoutingDesk, settings: Configuration.Slack, origin: String,
      warm: @escaping @Sendable (RepositoryName, UserID) async -> Void, logger: Logger
    ) {
      self.registry = registry
      self.sessions = sessions
      self.routing = routing
      self.settings = settings
      self.origin = origin
      self.warm = warm
      self.logger = logger
    }
  }

  private let parts: Parts
  private let pace: SlackSender.Pace
  private let api: SlackAPI
  private let inbox: SlackInbox
  private let crew: Crew

  /// The desk is made once Slack has said who we are; what comes before waits in the inbox.
  private actor Crew {
    private var desk: SlackDesk?
    private var waiting: [CheckedContinuation<Void, Never>] = []

    func set(_ desk: SlackDesk) {
      self.desk = desk
      for waiter in waiting { waiter.resume() }
      waiting = []
    }

    func ready() async throws -> SlackDesk {
      while true {
        try Task.checkCancellation()
        if let desk { return desk }
        await withTaskCancellationHandler {
          await withCheckedContinuation { waiting.append($0) }
        } onCancel: {
          Task { await self.wake() }
        }
      }
    }

    private func wake() {
      for waiter in waiting { waiter.resume() }
      waiting = []
    }
  }

  package init(_ parts: Parts) { self.init(parts, pace: SlackSender.Pace()) }

  init(_ parts: Parts, pace: SlackSender.Pace) {
    self.parts = parts
    self.pace = pace
    api = SlackAPI(url: parts.settings.apiURL, bot: parts.settings.botToken, app: parts.settings.appToken ?? Secret(""))
    let crew = Crew()
    self.crew = crew
    inbox = SlackInbox(registry: parts.registry, logger: parts.logger) { event in try await crew.ready().handle(event) }
  }

  /// Works until it is cancelled. While Slack is away it waits; nothing else of the server does.
  package func run() async throws {
    let (api, inbox, parts) = (api, inbox, parts)
    let sender = SlackSender(api: api, registry: parts.registry, pace: pace, logger: parts.logger)
    let followers = ThreadFollowers(
      sessions: parts.sessions, registry: parts.registry, sender: sender, origin: parts.origin, logger: parts.logger)
    do {
      try await withThrowingTaskGroup(of: Void.self) { tasks in
        if parts.settings.transport == .socket {
          let socket = SocketMode(api: api, logger: parts.logger) { kind, payload in
            try await inbox.keep(kind: kind, payload: payload)
          }
          tasks.addTask { try await socket.run() }
        }
        tasks.addTask { try await inbox.run() }
        tasks.addTask { try await followers.run() }
        tasks.addTask { try await self.prepare(sender: sender, followers: followers) }
        try await tasks.waitForAll()
      }
    } catch {
      await sender.close()
      throw error
    }
  }

  private func prepare(sender: SlackSender, followers: ThreadFollowers) async throws {
    var backoff = Duration.seconds(1)
    while true {
      do {
        let identity = try await api.identity()
        let people = SlackPeople(api: api, registry: parts.registry, settings: parts.settings, team: identity.team)
        await crew.set(
          SlackDesk(
            api: api, registry: parts.registry, sessions: parts.sessions, routing: parts.routing, people: people,
            channels: SlackChannels(api: api), sender: sender, followers: followers, warm: parts.warm, identity: identity,
            origin: parts.origin, logger: parts.logger))
        parts.logger.info("Slack is connected", metadata: ["team": "\(identity.team)"])
        return
      } catch let failure as SlackFailure {
        // A wrong token is the operator's to mend, and no reason to stop serving everybody else.
        parts.logger.error("Slack does not say who we are", metadata: ["error": "\(failure.error)"])
        try await Task.sleep(for: backoff)
        backoff = min(backoff * 2, .seconds(60))
      }
    }
  }
}

/// Slack's requests over HTTP.
extension SlackService {
  package enum Kind: Sendable { case event, interaction }

  /// Checks and keeps a request; returns what to answer with 200: a challenge, or nothing. Throws `unauthenticated` for what is not
  /// Slack's, `badRequest` for what is not understood, `notFound` where this server uses Socket Mode.
  package func receive(_ kind: Kind, body: Data, timestamp: String?, signature: String?) async throws -> String? {
    guard parts.settings.transport == .http, let secret = parts.settings.signingSecret else {
      throw RookeryError(.notFound, "This server takes no requests from Slack over HTTP.", mend: "Set slack.transport to http.")
    }
    try SlackSignature.check(timestamp: timestamp, signature: signature, body: body, secret: secret)
    let data = kind == .event ? body : try Self.payload(ofForm: body)
    guard let payload = try? JSON.decode(JSONValue.self, from: data) else {
      throw RookeryError(.badRequest, "The request's body is not what Slack sends.")
    }
    if payload["type"]?.string == "url_verification" { return payload["challenge"]?.string ?? "" }
    try await inbox.keep(kind: kind == .event ? "events_api" : "interactive", payload: payload)
    return nil
  }

  private static func payload(ofForm body: Data) throws -> Data {
    for pair in String(decoding: body, as: UTF8.self).split(separator: "&") where pair.hasPrefix("payload=") {
      let text = pair.dropFirst("payload=".count).replacing("+", with: " ")
      if let plain = String(text).removingPercentEncoding { return Data(plain.utf8) }
    }
    throw RookeryError(.badRequest, "The form has no payload.")
  }

  /// Whom a one-time link is for; nil when it is good no more.
  package func linkSubject(_ code: String) async throws -> String? { try await parts.registry.slackLink(code)?.name }

  /// Ties the person of a one-time link to `user`; false when it is good no more.
  package func redeemLink(_ code: String, for user: User) async throws -> Bool {
    try await parts.registry.redeemSlackLink(code, for: user.id) != nil
  }
}
