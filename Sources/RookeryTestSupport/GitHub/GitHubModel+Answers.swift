import Foundation
import HTTPTypes
import Hummingbird
import HummingbirdCore
import NIOCore
import RookeryModel

extension GitHubModel {
  static func json(_ status: Int, _ value: JSONValue) -> Response {
    let body = (try? JSON.encode(value)) ?? Data()
    return Response(
      status: .init(code: status), headers: [.contentType: "application/json; charset=utf-8"],
      body: .init(byteBuffer: ByteBuffer(bytes: body)))
  }

  static func error(_ status: Int, _ message: String) -> Response {
    json(status, ["message": .string(message), "documentation_url": "https://docs.github.com/rest", "status": .string(String(status))])
  }

  static func validation(_ entry: JSONValue) -> Response {
    json(
      422,
      [
        "message": "Validation Failed", "errors": [entry],
        "documentation_url": "https://docs.github.com/rest/pulls/pulls#create-a-pull-request",
        "status": "422",
      ])
  }

  static func custom(_ message: String) -> JSONValue { ["resource": "PullRequest", "code": "custom", "message": .string(message)] }

  /// A pull request with the fields that clients usually read.
  static func json(_ pull: GitHubDouble.PullRequest) -> JSONValue {
    let owner = String(pull.repository.split(separator: "/")[0])
    let page = "https://github.com/\(pull.repository)/pull/\(pull.number)"
    func user(_ login: String) -> JSONValue {
      ["login": .string(login), "id": 1, "type": "User", "html_url": .string("https://github.com/\(login)")]
    }
    func branch(_ name: String) -> JSONValue {
      [
        "ref": .string(name), "label": .string("\(owner):\(name)"), "sha": .string(String(repeating: "0", count: 40)), "user": user(owner),
        "repo": ["full_name": .string(pull.repository)],
      ]
    }
    return [
      "id": .integer(Int64(pull.number) + 1_000_000), "node_id": .string("PR_\(pull.number)"), "number": .integer(Int64(pull.number)),
      "url": .string("https://api.github.com/repos/\(pull.repository)/pulls/\(pull.number)"), "html_url": .string(page),
      "diff_url": .string("\(page).diff"), "state": .string(pull.isOpen ? "open" : "closed"), "locked": false, "title": .string(pull.title),
      "body": pull.body.isEmpty ? nil : .string(pull.body), "draft": .bool(pull.isDraft), "user": user(pull.author),
      "head": branch(pull.head),
      "base": branch(pull.base), "merged_at": pull.merged.map { .string($0) } ?? nil, "closed_at": pull.merged.map { .string($0) } ?? nil,
      "created_at": "2026-01-01T00:00:00Z",
      "updated_at": .string(pull.updated), "merged": .bool(pull.merged != nil),
    ]
  }
}
