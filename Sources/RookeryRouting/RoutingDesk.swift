import RookeryConfiguration
import RookeryModel
import RookeryStore

/// Questions of where a message belongs, with what this server knows of repositories, people and channels.
package struct RoutingDesk: Sendable {
  package let router: RepositoryRouter
  private let registry: Registry
  private let configuration: Configuration

  package init(registry: Registry, configuration: Configuration, router: RepositoryRouter) {
    self.registry = registry
    self.configuration = configuration
    self.router = router
  }

  /// - Parameters:
  ///   - channel: a channel's name, without `#`; nil for a direct message.
  ///   - user: only repositories that they may use can be answers.
  package func question(
    message: String, thread: [String] = [], channel: String?, topic: String? = nil, for user: User
  ) async throws -> RoutingQuestion {
    let candidates = try await registry.repositories().map { repository in
      let settings = configuration.repositories[repository.name]
      return RoutingQuestion.Candidate(
        name: repository.name, description: settings?.description ?? repository.description,
        hints: settings?.hints ?? repository.hints)
    }
    let key = channel?.lowercased()
    return RoutingQuestion(
      message: message, thread: thread, channel: channel, topic: topic,
      channelDefault: key.flatMap { configuration.routing.channels[$0] },
      chosenInChannel: try await key.asyncMap { try await registry.routingChoices(channel: $0) } ?? [],
      recent: try await registry.recentRepositories(of: user.id), candidates: candidates)
  }

  /// What a person answered when they were asked in `channel`.
  package func remember(_ repository: RepositoryName, in channel: String, by user: UserID) async throws {
    try await registry.recordRoutingChoice(repository, channel: channel.lowercased(), user: user)
  }
}

extension Optional {
  fileprivate func asyncMap<Value>(_ body: (Wrapped) async throws -> Value) async rethrows -> Value? {
    guard let self else { return nil }
    return try await body(self)
  }
}
