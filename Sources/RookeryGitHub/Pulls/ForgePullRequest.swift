import Foundation
import NIOHTTP1
import RookeryModel

/// A pull request as webhooks and lists tell of it; missing fields are normal.
package struct ForgePullRequest: Sendable, Equatable, Decodable {
  package var number: Int
  package var url: String
  package var title: String
  package var author: String
  /// The branch's name, where it is the repository's own; empty for a fork's.
  package var head: String
  package var base: String
  package var headCommit: String?
  package var isOpen: Bool
  package var created: Date?
  package var updated: Date?
  package var merged: Date?
  package var mergeCommit: String?
  /// Who merged or closed it, where that is told.
  package var endedBy: String?

  private enum Keys: String, CodingKey {
    case number, title, user, head, base, state
    case url = "html_url"
    case created = "created_at"
    case updated = "updated_at"
    case merged = "merged_at"
    case mergeCommit = "merge_commit_sha"
    case mergedBy = "merged_by"
  }
  private struct Person: Decodable { var login: String? }
  private struct Branch: Decodable {
    var ref: String?
    var sha: String?
    var repo: Home?
    struct Home: Decodable { var full_name: String? }
  }

  package init(from decoder: any Decoder) throws {
    let fields = try decoder.container(keyedBy: Keys.self)
    number = try fields.decode(Int.self, forKey: .number)
    url = try fields.decodeIfPresent(String.self, forKey: .url) ?? ""
    title = try fields.decodeIfPresent(String.self, forKey: .title) ?? ""
    author = try fields.decodeIfPresent(Person.self, forKey: .user)?.login ?? "ghost"
    let (head, base) = (try fields.decodeIfPresent(Branch.self, forKey: .head), try fields.decodeIfPresent(Branch.self, forKey: .base))
    let isFork = head?.repo?.full_name?.lowercased() != base?.repo?.full_name?.lowercased()
    self.head = isFork ? "" : head?.ref ?? ""
    self.base = base?.ref ?? ""
    headCommit = head?.sha
    isOpen = try fields.decodeIfPresent(String.self, forKey: .state) != "closed"
    func time(_ key: Keys) throws -> Date? { try fields.decodeIfPresent(String.self, forKey: key).flatMap { Timestamp.date($0) } }
    created = try time(.created)
    updated = try time(.updated)
    merged = try time(.merged)
    mergeCommit = try fields.decodeIfPresent(String.self, forKey: .mergeCommit)
    endedBy = try fields.decodeIfPresent(Person.self, forKey: .mergedBy)?.login
  }
}

extension GitHubIdentity {
  /// Pull requests that changed since `date`, or all of them, the newest change first.
  package func pullRequests(of repository: String, since date: Date?) async throws -> [ForgePullRequest] {
    guard let token = try await appToken(for: repository, .watch) else { return [] }
    let api = GitHubAPI(site: site, pacing: pacing)
    do {
      let found = try await api.pages(
        "/repos/\(try GitHubRepositoryName(repository))/pulls", query: [("state", "all"), ("sort", "updated"), ("direction", "desc")],
        token: token, of: ForgePullRequest.self
      ) { page in date.map { date in page.contains { ($0.updated ?? .distantPast) < date } } ?? false }
      return found.filter { pull in date.map { (pull.updated ?? .distantPast) >= $0 } ?? true }
    } catch let failure as GitHubFailure { throw failure.error(trying: "listing pull requests of \(repository)") }
  }

  /// Says something in an issue or a pull request, or answers in a review's thread. Returns the comment's number.
  @discardableResult
  package func comment(_ text: String, on repository: String, issue: Int, inReplyTo thread: Int64? = nil) async throws -> Int64? {
    struct Made: Decodable, Sendable { var id: Int64 }
    guard let token = try await appToken(for: repository, .reply) else { return nil }
    let name = try GitHubRepositoryName(repository)
    let path =
      thread.map { "/repos/\(name)/pulls/\(issue)/comments/\($0)/replies" } ?? "/repos/\(name)/issues/\(issue)/comments"
    do {
      // Not repeated when its outcome is unknown: two answers are worse than none.
      return try await GitHubAPI(site: site, pacing: pacing).requester.send(
        GitHubRequest(.POST, path, body: try JSON.encode(["body": text])), token: token, as: Made.self
      ).id
    } catch let failure as GitHubFailure { throw failure.error(trying: "commenting") }
  }

  /// The pull request itself.
  package func pullRequest(_ number: Int, of repository: String) async throws -> ForgePullRequest? {
    guard let token = try await appToken(for: repository, .watch) else { return nil }
    do {
      return try await GitHubAPI(site: site, pacing: pacing).call(
        GitHubRequest(.GET, "/repos/\(try GitHubRepositoryName(repository))/pulls/\(number)"), token: token, as: ForgePullRequest.self)
    } catch let failure as GitHubFailure { throw failure.error(trying: "looking at a pull request") }
  }
}
