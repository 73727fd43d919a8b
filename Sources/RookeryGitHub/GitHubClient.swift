import AsyncHTTPClient
import Foundation
import NIOHTTP1
import RookeryModel

/// GitHub's REST API, as far as pull requests need it. One value serves any number of tokens.
///
/// Contract: https://docs.github.com/rest, API version 2022-11-28.
package struct GitHubClient: Sendable {
  /// Pinned: later versions drop fields.
  package static let apiVersion = "2022-11-28"

  private let api: GitHubRequester

  /// Lives as long as the process. It follows no redirect: a POST would become a GET, and a token has one destination.
  static let client: HTTPClient = {
    var configuration = HTTPClient.Configuration(redirectConfiguration: .disallow)
    // The pacing decides when to try again.
    configuration.connectionPool.retryConnectionEstablishment = false
    return HTTPClient(eventLoopGroupProvider: .singleton, configuration: configuration)
  }()

  /// - Parameter apiURL: `https://api.github.com`, or that of a GitHub Enterprise server (`https://HOST/api/v3`).
  package init(apiURL: String = "https://api.github.com", pacing: GitHubPacing = GitHubPacing()) {
    var url = apiURL
    while url.hasSuffix("/") { url.removeLast() }
    api = GitHubRequester(apiURL: url, client: Self.client, pacing: pacing)
  }

  /// The open pull request from `head` into `base`, opened now unless there is one. Safe to repeat, also after a failure whose
  /// outcome is unknown: it looks before it opens.
  ///
  /// - Parameters:
  ///   - repository: `owner/name`.
  ///   - head: Name of a pushed branch of that repository.
  ///   - token: Its owner becomes the author.
  /// - Throws: `pullRequestFailed` with cause and mend for what GitHub refuses; `rateLimited` when its limits don't let us through
  ///   soon; `unavailable` when it can't be reached. No text ever holds the token.
  package func findOrCreatePullRequest(
    repository: String, head: String, base: String, title: String, body: String, draft: Bool, token: Secret
  ) async throws -> (GitHubPullRequest, created: Bool) {
    let name = try GitHubRepositoryName(repository)
    let creation = Creation(title: Self.title(title), body: Self.body(body), head: head, base: base, draft: draft)
    return try await api.retrying(name, head: head, base: base, token: token) {
      if let existing = try await open(name, head: head, base: base, token: token) { return (existing, false) }
      do {
        let request = GitHubRequest(.POST, "/repos/\(name)/pulls", body: try JSON.encode(creation))
        return (try await api.send(request, token: token, as: GitHubPullRequest.self), true)
      } catch let failure as GitHubFailure where failure.isExistingPullRequest {
        guard let existing = try await open(name, head: head, base: base, token: token) else { throw failure }
        return (existing, false)
      }
    }
  }

  /// Replaces title and body, where given.
  /// - Throws: As above.
  package func updatePullRequest(
    repository: String, number: Int, title: String?, body: String?, token: Secret
  ) async throws -> GitHubPullRequest {
    let name = try GitHubRepositoryName(repository)
    let change = Change(title: title.map(Self.title), body: body.map(Self.body))
    return try await api.retrying(name, token: token) {
      let request = GitHubRequest(.PATCH, "/repos/\(name)/pulls/\(number)", body: try JSON.encode(change))
      return try await api.send(request, token: token, as: GitHubPullRequest.self)
    }
  }

  private func open(_ name: GitHubRepositoryName, head: String, base: String, token: Secret) async throws -> GitHubPullRequest? {
    let query = [("state", "open"), ("head", "\(name.owner):\(head)"), ("base", base), ("per_page", "1")]
    let request = GitHubRequest(.GET, "/repos/\(name)/pulls", query: query)
    return try await api.send(request, token: token, as: [GitHubPullRequest].self).first
  }

  private struct Creation: Encodable {
    var title: String
    var body: String
    var head: String
    var base: String
    var draft: Bool
  }

  private struct Change: Encodable {
    var title: String?
    var body: String?
  }

  /// GitHub refuses titles over 256 characters and bodies over 65,536.
  private static func title(_ text: String) -> String { clipped(text.replacing("\n", with: " "), to: 256) }
  private static func body(_ text: String) -> String { clipped(text, to: 65_536) }

  private static func clipped(_ text: String, to limit: Int) -> String {
    text.unicodeScalars.count <= limit ? text : String(String.UnicodeScalarView(text.unicodeScalars.prefix(limit - 1))) + "…"
  }
}

/// `owner/name`, in characters that need no encoding in a path.
struct GitHubRepositoryName: Sendable, CustomStringConvertible {
  let owner: String
  let name: String

  init(_ text: String) throws {
    let parts = text.split(separator: "/", omittingEmptySubsequences: false).map(String.init)
    let isPlain = text.utf8.allSatisfy {
      (0x61...0x7a).contains($0) || (0x41...0x5a).contains($0) || (0x30...0x39).contains($0) || "/-._".utf8.contains($0)
    }
    guard parts.count == 2, isPlain, parts.allSatisfy({ !$0.isEmpty && $0 != "." && $0 != ".." && $0.utf8.count <= 100 }) else {
      throw RookeryError(
        .configurationInvalid, "“\(text.prefix(200))” is no GitHub repository.", mend: "Write it as owner/name (forge.repository).")
    }
    (owner, name) = (parts[0], parts[1])
  }

  var description: String { "\(owner)/\(name)" }
}
