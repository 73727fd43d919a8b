import Foundation
import HTTPTypes
import Hummingbird
import HummingbirdCore
import NIOCore
import RookeryModel
import Synchronization

/// People, their groups and rights, and what is said in issues and pull requests.
extension GitHubModel {
  /// Nil when the request is about something else.
  func aboutPeople(_ request: Request, _ parts: [String], _ account: Account) -> Response? {
    if parts == ["installation", "repositories"] {
      guard account.isInstallation else { return Self.error(403, "You must authenticate with an installation access token") }
      return Self.json(200, ["total_count": 0, "repositories": []])
    }
    guard parts.first == "user" || parts.first == "orgs" else { return nil }
    guard request.method == .get else { return nothing(request) }
    guard !account.isInstallation else { return Self.error(403, "Resource not accessible by integration") }
    guard let person = state.withLock({ $0.people[account.login] }) else { return Self.error(404, "Not Found") }
    func membership(_ group: String) -> Response {
      person.groups.contains(group) ? Self.json(200, ["state": "active", "role": "member"]) : Self.error(404, "Not Found")
    }
    switch (parts.count, parts.last ?? "") {
    case (1, "user"):
      return Self.json(
        200,
        [
          "id": .integer(person.number), "login": .string(person.login), "name": person.name.map { .string($0) } ?? nil, "email": nil,
          "type": "User",
        ])
    case (2, "emails"):
      return Self.json(
        200,
        [
          ["email": "old@example.net", "primary": false, "verified": true, "visibility": nil],
          ["email": .string(person.email), "primary": true, "verified": true, "visibility": "private"],
        ])
    case (4, let group) where parts[1] == "memberships": return membership(group)
    case (6, _) where parts[2] == "teams" && parts[4] == "memberships":
      return parts[5] == person.login ? membership("\(parts[1])/\(parts[3])") : Self.error(404, "Not Found")
    default: return nothing(request)
    }
  }

  /// The repository itself, its comments and checks; nil when the request is about pull requests.
  func conversation(_ request: Request, _ parts: [String], _ repository: String, _ account: Account, _ body: ByteBuffer) -> Response? {
    switch (request.method, parts.first, parts.count) {
    case (.get, nil, 0):
      let person = state.withLock { $0.people[account.login] }
      let push = person.map { $0.push.contains(repository) } ?? account.mayWrite
      return Self.json(
        200,
        [
          "id": 1, "full_name": .string(repository), "private": true, "default_branch": "main",
          "permissions": ["admin": false, "push": .bool(push), "pull": true],
        ])
    case (.get, "pulls", 2):
      let number = Int(parts[1]) ?? 0
      guard let pull = state.withLock({ $0.pullRequests.first { $0.repository == repository && $0.number == number } }) else {
        return Self.error(404, "Not Found")
      }
      return Self.json(200, Self.json(pull))
    case (.post, "issues", 3) where parts[2] == "comments":
      guard permits(account, "issues", "write") else { return Self.error(403, "Resource not accessible by integration") }
      return comment(repository, issue: Int(parts[1]) ?? 0, account, json(body), inReplyTo: nil)
    case (.post, "pulls", 5) where parts[2] == "comments" && parts[4] == "replies":
      guard permits(account, "pull_requests", "write") else { return Self.error(403, "Resource not accessible by integration") }
      return comment(repository, issue: Int(parts[1]) ?? 0, account, json(body), inReplyTo: Int64(parts[3]))
    case (.patch, "issues", 3) where parts[1] == "comments", (.patch, "pulls", 3) where parts[1] == "comments":
      guard permits(account, "issues", "write") else { return Self.error(403, "Resource not accessible by integration") }
      return edit(Int64(parts[2]) ?? 0, json(body))
    case (.get, "commits", 3) where parts[2] == "check-runs":
      guard permits(account, "checks", "read") else { return Self.error(403, "Resource not accessible by integration") }
      let runs = state.withLock { $0.checks[parts[1]] ?? [] }
      return Self.json(
        200,
        [
          "total_count": .integer(Int64(runs.count)),
          "check_runs": .array(
            runs.map { ["name": .string($0.name), "status": "completed", "conclusion": .string($0.conclusion)] as JSONValue }),
        ])
    default: return nil
    }
  }

  private func comment(
    _ repository: String, issue: Int, _ account: Account, _ body: JSONValue?, inReplyTo: Int64?
  ) -> Response {
    guard let body, conforms(body, to: ["body": "string"], required: ["body"]), let text = body["body"]?.string else {
      return Self.error(422, "Validation Failed")
    }
    return state.withLock { state in
      let comment = GitHubDouble.Comment(
        id: 9000 + Int64(state.comments.count), repository: repository, issue: issue, body: text, author: account.login,
        inReplyTo: inReplyTo)
      state.comments.append(comment)
      return Self.json(201, Self.json(comment))
    }
  }

  private func edit(_ id: Int64, _ body: JSONValue?) -> Response {
    guard let body, conforms(body, to: ["body": "string"], required: ["body"]), let text = body["body"]?.string else {
      return Self.error(422, "Validation Failed")
    }
    return state.withLock { state in
      guard let index = state.comments.firstIndex(where: { $0.id == id }) else { return Self.error(404, "Not Found") }
      state.comments[index].body = text
      return Self.json(200, Self.json(state.comments[index]))
    }
  }

  private static func json(_ comment: GitHubDouble.Comment) -> JSONValue {
    ["id": .integer(comment.id), "body": .string(comment.body), "user": ["login": .string(comment.author), "id": 1]]
  }
}
