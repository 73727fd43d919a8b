import RookeryConfiguration
import RookeryGitHub
import RookeryModel

/// Pull requests on GitHub.
package struct GitHubPullRequests: PullRequestOpener {
  package init() {}

  package func openPullRequest(
    _ text: PullRequestText, forge: Configuration.Forge, token: Secret
  ) async throws -> (PullRequest, created: Bool) {
    let client = GitHubClient(apiURL: forge.apiURL)
    var (pull, created) = try await client.findOrCreatePullRequest(
      repository: forge.repository, head: text.head, base: text.base, title: text.title, body: text.body, draft: text.isDraft,
      token: token)
    if !created, pull.body != text.body {
      // The title may have been edited by people; the body says what the newest turn did.
      pull = try await client.updatePullRequest(
        repository: forge.repository, number: pull.number, title: nil, body: text.body, token: token)
    }
    return (pull.summary, created)
  }
}
