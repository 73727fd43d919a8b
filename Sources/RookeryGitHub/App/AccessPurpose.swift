/// What an installation token is for, and so the least that it must permit.
package struct AccessPurpose: Sendable, Hashable {
  package let name: String
  /// Names and levels as GitHub's API has them.
  package let permissions: [String: String]

  /// Fetching: image builds, warm sandboxes, a session's clone.
  package static let read = AccessPurpose(name: "read", permissions: ["contents": "read"])
  /// A session's branch and its pull request, and no more.
  package static let work = AccessPurpose(name: "work", permissions: ["contents": "write", "pull_requests": "write"])
  /// The same, where the operator permits changes of workflows.
  package static let workWithWorkflows = AccessPurpose(
    name: "work+workflows", permissions: ["contents": "write", "pull_requests": "write", "workflows": "write"])
  /// Comments on issues and pull requests.
  package static let reply = AccessPurpose(name: "reply", permissions: ["issues": "write", "pull_requests": "write"])
  /// Pull requests and checks, looked at only.
  package static let watch = AccessPurpose(name: "watch", permissions: ["checks": "read", "pull_requests": "read"])
}
