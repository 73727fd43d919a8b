import Foundation
import RookeryModel

/// What a delivery means to us. What is unknown or lacks what we need means nothing.
package enum WebhookEvent: Sendable, Equatable {
  case pullRequest(repository: String, ForgePullRequest)
  case push(repository: String, branch: String)
  case mention(Mention)
  /// Checks of a commit on a branch failed.
  case checksFailed(repository: String, branch: String, commit: String, name: String, url: String)
  case installation(action: String, account: String)

  /// Somebody names us in an issue, a pull request or a review.
  package struct Mention: Sendable, Equatable {
    package var repository: String
    package var issue: Int
    package var isPullRequest: Bool
    package var title: String
    /// What the issue or pull request itself says, which others may have written.
    package var description: String
    /// Of whoever mentions us: the account's number.
    package var author: Int64
    package var login: String
    package var text: String
    /// The comment's number; nil for an issue's own text.
    package var comment: Int64?
    package var review: Review?

    /// The place in a diff that a review comment is about.
    package struct Review: Sendable, Equatable {
      package var path: String
      package var line: Int?
      package var hunk: String
    }
  }

  /// - Parameter event: `X-GitHub-Event`.
  package init?(_ event: String, body: Data) {
    guard let fields = try? JSONDecoder().decode(JSONValue.self, from: body) else { return nil }
    let repository = fields["repository"]?["full_name"]?.string ?? ""
    let action = fields["action"]?.string ?? ""
    switch event {
    case "pull_request":
      struct Envelope: Decodable { var pull_request: ForgePullRequest }
      guard var pull = try? JSONDecoder().decode(Envelope.self, from: body).pull_request, !repository.isEmpty else { return nil }
      if !pull.isOpen, pull.endedBy == nil { pull.endedBy = fields["sender"]?["login"]?.string }
      self = .pullRequest(repository: repository, pull)
    case "push":
      guard let ref = fields["ref"]?.string, ref.hasPrefix("refs/heads/"), fields["deleted"]?.bool != true else { return nil }
      self = .push(repository: repository, branch: String(ref.dropFirst("refs/heads/".count)))
    case "issue_comment" where action == "created":
      guard let issue = fields["issue"], let mention = Mention(fields, subject: issue, said: fields["comment"], repository) else {
        return nil
      }
      self = .mention(mention)
    case "issues" where action == "opened":
      guard let issue = fields["issue"], let mention = Mention(fields, subject: issue, said: issue, repository) else { return nil }
      self = .mention(mention)
    case "pull_request_review_comment" where action == "created":
      guard let pull = fields["pull_request"], var mention = Mention(fields, subject: pull, said: fields["comment"], repository) else {
        return nil
      }
      mention.isPullRequest = true
      mention.review = .init(
        path: fields["comment"]?["path"]?.string ?? "", line: (fields["comment"]?["line"]?.integer).map { Int($0) },
        hunk: String((fields["comment"]?["diff_hunk"]?.string ?? "").suffix(4000)))
      self = .mention(mention)
    case "check_run" where action == "completed":
      guard let run = fields["check_run"], ["failure", "timed_out"].contains(run["conclusion"]?.string ?? ""),
        let branch = run["check_suite"]?["head_branch"]?.string
      else { return nil }
      self = .checksFailed(
        repository: repository, branch: branch, commit: run["head_sha"]?.string ?? "", name: run["name"]?.string ?? "a check",
        url: run["html_url"]?.string ?? "")
    case "installation", "installation_repositories":
      self = .installation(action: "\(event).\(action)", account: fields["installation"]?["account"]?["login"]?.string ?? "")
    default: return nil
    }
  }
}

extension WebhookEvent.Mention {
  /// Nil unless a person names us.
  fileprivate init?(_ fields: JSONValue, subject: JSONValue, said: JSONValue?, _ repository: String) {
    guard let said, let text = said["body"]?.string, let number = subject["number"]?.integer, !repository.isEmpty,
      let author = said["user"]?["id"]?.integer, said["user"]?["type"]?.string ?? "User" == "User", Self.isAddressed(text)
    else { return nil }
    self.init(
      repository: repository, issue: Int(number), isPullRequest: subject["pull_request"] != nil, title: subject["title"]?.string ?? "",
      description: String((subject["body"]?.string ?? "").prefix(20_000)), author: author, login: said["user"]?["login"]?.string ?? "",
      text: String(text.prefix(60_000)), comment: said["id"] == subject["id"] ? nil : said["id"]?.integer)
  }

  /// Whether `@rookery` stands in it as a word, outside of quotations.
  static func isAddressed(_ text: String) -> Bool {
    let lines = text.split(whereSeparator: \.isNewline).filter { !$0.hasPrefix(">") }
    return lines.contains { line in
      line.split(whereSeparator: { !($0.isLetter || $0.isNumber || $0 == "@" || $0 == "-" || $0 == "_") })
        .contains { $0.lowercased() == "@rookery" }
    }
  }
}
