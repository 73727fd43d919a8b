import RookeryConfiguration
import RookeryGitHub
import RookeryModel
import RookerySessions

/// Pull requests at GitHub, for sessions.
struct GitHubPullRequests: PullRequestOpener {
  func openPullRequest(
    _ request: PullRequestText, forge: Configuration.Forge, token: Secret
  ) async throws -> (PullRequest, created: Bool) {
    let client = GitHubClient(apiURL: forge.apiURL)
    let (found, created) = try await client.findOrCreatePullRequest(
      repository: forge.repository, head: request.head, base: request.base, title: request.title, body: request.body, draft: false,
      token: token)
    // The text of one that is open already says what the newest turn did.
    guard !created, found.title != request.title || found.body != request.body else { return (found.summary, created) }
    let updated = try await client.updatePullRequest(
      repository: forge.repository, number: found.number, title: nil, body: request.body, token: token)
    return (updated.summary, false)
  }
}
