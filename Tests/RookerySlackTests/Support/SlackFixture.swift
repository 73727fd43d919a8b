import Foundation
import Logging
import RookeryConfiguration
import RookeryModel
import RookeryRouting
import RookeryStore
import RookeryTestSupport
import Synchronization
import Testing

@testable import RookerySlack

/// A workspace with three people and two channels, and Rookery beside it, which can be killed and started anew.
final class SlackFixture: Sendable {
  let slack: SlackDouble
  let registry: Registry
  let sessions: ScriptedSessions
  let warmed = Mutex<[RepositoryName]>([])
  private let directory: TemporaryDirectory
  private let transport: Configuration.Slack.Transport
  private let running = Mutex<(task: Task<Void, any Error>, service: SlackService)?>(nil)

  static let (ada, bob, guest) = ("U0ADA", "U0BOB", "U0GUEST")
  static let (general, web) = ("C0GENERAL", "C0WEB")

  private init(slack: SlackDouble, registry: Registry, directory: TemporaryDirectory, transport: Configuration.Slack.Transport) {
    self.slack = slack
    self.registry = registry
    self.directory = directory
    self.transport = transport
    sessions = ScriptedSessions(registry: registry)
  }

  /// Runs `body`, and asserts that Slack had nothing to complain about.
  static func run(
    transport: Configuration.Slack.Transport = .socket, allowsUnlinked: Bool = false, isStarted: Bool = true,
    _ body: @escaping @Sendable (SlackFixture) async throws -> Void
  ) async throws {
    let directory = try TemporaryDirectory(prefix: "rookery-slack")
    let registry = try Registry(directory: directory.path)
    let slack = try await SlackDouble.start()
    slack.addPerson(ada, name: "Ada", email: "ada@example.org")
    slack.addPerson(bob, name: "Bob", email: "bob@example.org")
    slack.addPerson(guest, name: "Gus", email: "gus@example.org", isGuest: true)
    slack.addChannel(general, name: "general", topic: "Company-wide")
    slack.addChannel(web, name: "web-shop", topic: "Shop frontend")
    for name in ["Ada", "Bob", "Gus"] {
      _ = try await registry.createUser(name: name, email: "\(name.lowercased())@example.org", role: .member)
    }
    for (name, hints) in [("storefront", ["frontend", "website"]), ("billing", ["invoice", "refund"])] {
      try await registry.insert(
        Repository(
          name: try RepositoryName(name), url: "https://git.example.org/\(name).git", defaultBranch: "main", hints: hints, added: Date()))
    }
    let fixture = SlackFixture(slack: slack, registry: registry, directory: directory, transport: transport)
    if isStarted { await fixture.start(allowsUnlinked: allowsUnlinked) }
    do {
      try await within(.seconds(100)) { try await body(fixture) }
    } catch {
      await fixture.kill()
      await slack.stop()
      throw error
    }
    await fixture.kill()
    #expect(slack.violations == [])
    #expect(await slack.socketViolations() == [])
    await slack.stop()
  }

  var service: SlackService? { running.withLock { $0?.service } }

  func settings() -> Configuration.Slack {
    var settings = Configuration.Slack(botToken: Secret(SlackDouble.botToken))
    settings.appToken = Secret(SlackDouble.appToken)
    settings.signingSecret = Secret(SlackDouble.signingSecret)
    settings.apiURL = slack.apiURL
    settings.transport = transport
    return settings
  }

  /// Starts Rookery's side.
  func start(allowsUnlinked: Bool = false, pace: SlackSender.Pace = .quick) async {
    var settings = settings()
    settings.allowsUnlinked = allowsUnlinked
    let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
    let routing = RoutingDesk(
      registry: registry, configuration: Configuration(), router: RepositoryRouter(model: nil, logger: logger))
    let service = SlackService(
      .init(
        registry: registry, sessions: sessions, routing: routing, settings: settings, origin: "https://rookery.example.org",
        warm: { [weak self] name, _ in self?.warmed.withLock { $0.append(name) } }, logger: logger), pace: pace)
    running.withLock { $0 = (Task { try await service.run() }, service) }
  }

  /// Ends Rookery's side as SIGKILL does, as far as that is possible within a process: nothing is finished.
  func kill() async {
    let task = running.withLock { running in
      defer { running = nil }
      return running?.task
    }
    task?.cancel()
    _ = await task?.result
  }

  // MARK: What happens

  /// Somebody mentions us; the message's `ts`.
  func mention(_ text: String, as person: String = ada, in channel: String = general, thread: String? = nil) async -> String {
    await slack.write("<@\(SlackDouble.bot)> \(text)", as: person, in: channel, thread: thread)
  }

  /// The session of a thread, once there is one.
  func session(_ ts: String, in channel: String = general) async throws -> SessionID {
    try await eventually("the session of \(ts)") {
      try await self.registry.slackThread(channel: channel, thread: ts)?.session != nil
    }
    return try #require(try await registry.slackThread(channel: channel, thread: ts)?.session)
  }

  /// The first message of ours in a thread that contains `text`, once there is one.
  @discardableResult
  func answer(_ text: String, to ts: String, in channel: String = general) async throws -> SlackDouble.Message {
    do {
      try await eventually(timeout: .seconds(30), "an answer with “\(text)”") {
        self.slack.ours(in: channel, thread: ts).contains { $0.everything.contains(text) }
      }
    } catch {
      throw Command.Failed(
        description: "\(error): \(slack.ours(in: channel, thread: ts).map(\.text)) \(slack.calls.suffix(20)) \(slack.violations)")
    }
    return try #require(slack.ours(in: channel, thread: ts).first { $0.everything.contains(text) })
  }

  func user(_ name: String) async throws -> User { try #require(try await registry.user(email: "\(name)@example.org")) }
}

extension SlackSender.Pace {
  /// Of the same shape, for tests.
  static let quick = SlackSender.Pace(
    post: .milliseconds(5), edit: .milliseconds(30), firstBackoff: .milliseconds(50), longestBackoff: .milliseconds(300))
}
