import RookeryModel

/// A pull request as GitHub describes it; what we don't need is not read, since answers grow fields over time.
package struct GitHubPullRequest: Sendable, Equatable, Decodable {
  package enum State: String, Sendable, Decodable { case open, closed }

  package var number: Int
  /// Where people look at it.
  package var url: String
  package var state: State
  package var title: String
  package var body: String
  package var isDraft: Bool
  /// Login of whoever opened it: the owner of the token.
  package var author: String
  /// Branch names.
  package var head: String
  package var base: String

  /// What a session's log keeps of it.
  package var summary: PullRequest { PullRequest(number: number, url: url, title: title, author: author) }

  private enum CodingKeys: String, CodingKey {
    case number, state, title, body, draft, user, head, base
    case url = "html_url"
  }
  private struct User: Decodable { var login: String }
  private struct Branch: Decodable { var ref: String }

  package init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: CodingKeys.self)
    number = try container.decode(Int.self, forKey: .number)
    url = try container.decode(String.self, forKey: .url)
    state = try container.decode(State.self, forKey: .state)
    title = try container.decode(String.self, forKey: .title)
    body = try container.decodeIfPresent(String.self, forKey: .body) ?? ""
    isDraft = try container.decodeIfPresent(Bool.self, forKey: .draft) ?? false
    author = try container.decodeIfPresent(User.self, forKey: .user)?.login ?? "ghost"
    head = try container.decode(Branch.self, forKey: .head).ref
    base = try container.decode(Branch.self, forKey: .base).ref
  }
}
