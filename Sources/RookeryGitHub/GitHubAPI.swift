import AsyncHTTPClient
import Foundation
import NIOCore
import NIOHTTP1
import RookeryModel

/// Where a GitHub is: its API, and the pages that people see.
package struct GitHubSite: Sendable, Equatable, Hashable {
  /// `https://api.github.com`, or `https://HOST/api/v3`.
  package let api: String
  /// `https://github.com`, or `https://HOST`.
  package let web: String

  /// - Parameter web: Derived from `api` when absent.
  package init(api: String = "https://api.github.com", web: String? = nil) {
    var api = api
    while api.hasSuffix("/") { api.removeLast() }
    var derived = web ?? (api == "https://api.github.com" ? "https://github.com" : api.replacing("/api/v3", with: ""))
    while derived.hasSuffix("/") { derived.removeLast() }
    self.api = api
    self.web = derived
  }

  /// `owner/name` when `url` is a repository of this site's.
  package func repository(at url: String) -> String? {
    guard url.hasPrefix(web + "/") else { return nil }
    var path = String(url.dropFirst(web.count + 1))
    if path.hasSuffix("/") { path.removeLast() }
    if path.hasSuffix(".git") { path.removeLast(4) }
    return (try? GitHubRepositoryName(path)).map { "\($0)" }
  }
}

/// Requests to GitHub's API that are repeated as its limits and its passing failures ask for.
struct GitHubAPI: Sendable {
  let site: GitHubSite
  let requester: GitHubRequester

  init(site: GitHubSite, pacing: GitHubPacing = GitHubPacing()) {
    self.site = site
    requester = GitHubRequester(apiURL: site.api, client: GitHubClient.client, pacing: pacing)
  }

  var pacing: GitHubPacing { requester.pacing }

  /// - Throws: `GitHubFailure`, after the attempts that are worth it.
  func call<Value: Decodable & Sendable>(_ request: GitHubRequest, token: Secret, as: Value.Type) async throws -> Value {
    var number = 1
    while true {
      do { return try await requester.send(request, token: token, as: Value.self) } catch let failure as GitHubFailure {
        number += 1
        guard number <= pacing.attempts,
          let wait = failure.wait(before: number, pacing: pacing, isFreshToken: token.reveal().hasPrefix("ghs_"))
        else { throw failure }
        try await Task.sleep(for: wait)
      }
    }
  }

  /// Every element of a list that comes in pages, until `isEnough` says so of a page, or after `limit` pages.
  func pages<Element: Decodable & Sendable>(
    _ path: String, query: [(String, String)] = [], token: Secret, of: Element.Type, limit: Int = 100,
    isEnough: ([Element]) -> Bool = { _ in false }
  ) async throws -> [Element] {
    var found: [Element] = []
    for page in 1...limit {
      let request = GitHubRequest(.GET, path, query: query + [("per_page", "100"), ("page", "\(page)")])
      let elements = try await call(request, token: token, as: [Element].self)
      found += elements
      if elements.count < 100 || isEnough(elements) { break }
    }
    return found
  }
}

/// An answer of which nothing is read.
struct Ignored: Decodable, Sendable {
  init(from decoder: any Decoder) throws {}
}

extension GitHubFailure {
  /// What people get to see when something other than a pull request failed: `what` was tried.
  func error(trying what: String) -> RookeryError {
    let context = "GitHub answered \(status): \(message) \(details.joined(separator: "; "))"
    if isLimit {
      let when = retryAfter.map { "in \($0.components.seconds) s" } ?? "in some minutes"
      return RookeryError(.rateLimited, "GitHub lets no more requests through at the moment.", mend: "Try again \(when).", context: context)
    }
    switch status {
    case 0: return RookeryError(.unavailable, "GitHub cannot be reached: \(message).", mend: "Try again.", context: context)
    case 500...: return RookeryError(.unavailable, "GitHub answered \(status) to \(what).", mend: "Try again.", context: context)
    case 401:
      return RookeryError(.unauthenticated, "GitHub did not accept our access for \(what).", mend: "Sign in again.", context: context)
    case 404: return RookeryError(.notFound, "GitHub does not show what is needed for \(what).", context: context)
    default:
      return RookeryError(
        .forbidden, "GitHub refused \(what): \(details.first ?? (message.isEmpty ? "forbidden" : message)).",
        mend: "Check what is permitted there.",
        context: context)
    }
  }
}
