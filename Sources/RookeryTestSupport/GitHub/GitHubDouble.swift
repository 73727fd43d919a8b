import Foundation
import Synchronization

/// GitHub's REST API for pull requests, written from its public contract (API version 2022-11-28) and stricter than the original:
/// whatever a request has that the contract doesn't name is recorded as a violation, which the test asserts there are none of.
package final class GitHubDouble: Sendable {
  /// An answer in place of the real one, once.
  package struct Fault: Sendable {
    package var status: Int
    package var headers: [String: String]
    package var message: String
    package init(status: Int, headers: [String: String] = [:], message: String = "") {
      self.status = status
      self.headers = headers
      self.message = message
    }
  }

  package struct PullRequest: Sendable, Equatable {
    package var number: Int
    package var repository: String
    package var head: String
    package var base: String
    package var title: String
    package var body: String
    package var isDraft: Bool
    package var isOpen: Bool
    package var author: String
    /// When it was merged: ISO 8601.
    package var merged: String?
    package var updated = "2026-01-01T00:00:00Z"

    package init(
      number: Int, repository: String, head: String, base: String, title: String, body: String = "", isDraft: Bool = false,
      isOpen: Bool = true, author: String, merged: String? = nil, updated: String = "2026-01-01T00:00:00Z"
    ) {
      self.merged = merged
      self.updated = updated
      self.number = number
      self.repository = repository
      self.head = head
      self.base = base
      self.title = title
      self.body = body
      self.isDraft = isDraft
      self.isOpen = isOpen
      self.author = author
    }
  }

  let model: GitHubModel
  private let service: LoopbackService

  private init(model: GitHubModel, service: LoopbackService) {
    self.model = model
    self.service = service
  }

  /// - Parameter repositories: The directory of bare repositories (`OWNER/NAME.git`) that it serves over git's own protocol; nil: none.
  package static func start(repositories: String? = nil) async throws -> GitHubDouble {
    let model = GitHubModel(repositories: repositories)
    let service = try await LoopbackService.start { request, context in try await model.respond(to: request, context: context) }
    return GitHubDouble(model: model, service: service)
  }

  package func stop() async { await service.stop() }

  /// The API's URL.
  package var url: String { service.url }

  /// A token that is known, and whose it is. Without `mayWrite` it opens no pull requests.
  package func addToken(_ token: String, login: String, mayWrite: Bool = true) {
    model.state.withLock { $0.tokens[token] = .init(login: login, mayWrite: mayWrite) }
  }

  /// A repository (`owner/name`) with these branches; nil: any branch exists.
  package func addRepository(_ name: String, branches: Set<String>? = nil) {
    model.state.withLock { $0.repositories[name] = .some(branches) }
  }

  /// From now on the two branches hold the same commits.
  package func makeEqual(base: String, head: String) { model.state.withLock { _ = $0.equal.insert("\(base)…\(head)") } }

  /// What the next requests are answered with, one each.
  package func fail(_ faults: [Fault]) { model.state.withLock { $0.faults += faults } }

  /// The next list is answered as if it were empty.
  package func hideOnce() { model.state.withLock { $0.hidesNextList = true } }

  /// The next creation works, but is answered 502.
  package func loseNextCreation() { model.state.withLock { $0.losesNextCreation = true } }

  /// Opens a pull request as somebody else would.
  package func open(_ pull: PullRequest) { model.state.withLock { $0.pullRequests.append(pull) } }

  package var pullRequests: [PullRequest] { model.state.withLock { $0.pullRequests } }

  /// What requests had that they must not have, or lacked.
  package var violations: [String] { model.state.withLock { $0.violations } }

  /// Method and path of each request, in order.
  package var requests: [String] { model.state.withLock { $0.requests } }
}
