import Foundation
import RookeryModel

/// An answer of GitHub's that is not a success, or none at all.
struct GitHubFailure: Error, Sendable, Equatable {
  /// 0 when there was no answer.
  var status: Int
  var message: String
  /// `message`, or `field code`, of each entry of `errors`.
  var details: [String]
  /// When to come back, where GitHub says so.
  var retryAfter: Duration?
  var isLimit: Bool
  /// What time it is at GitHub, in seconds since 1970.
  var serverTime: Double?

  /// - Parameters:
  ///   - headers: Value of a header by its lower-case name.
  ///   - now: Seconds since 1970.
  init(status: Int, headers: (String) -> String?, body: Data, now: Double) {
    self.status = status
    let text = try? JSONDecoder().decode(Body.self, from: body)
    message = text?.message ?? ""
    details = (text?.errors ?? []).map(\.text)
    if let seconds = headers("retry-after").flatMap(Int.init) {
      retryAfter = .seconds(max(1, seconds))
    } else if headers("x-ratelimit-remaining") == "0", let reset = headers("x-ratelimit-reset").flatMap(Double.init) {
      retryAfter = .milliseconds(Int64(max(1, min(reset - now, 86_400)) * 1000))
    }
    serverTime = headers("date").flatMap(Self.time)
    isLimit = status == 429 || (status == 403 && (retryAfter != nil || message.lowercased().contains("rate limit")))
  }

  init(unreachable cause: String) {
    (status, message, details, isLimit) = (0, cause, [], false)
  }

  /// An HTTP date: `Sun, 06 Nov 1994 08:49:37 GMT`.
  private static func time(_ text: String) -> Double? {
    let formatter = DateFormatter()
    formatter.locale = Locale(identifier: "en_US_POSIX")
    formatter.timeZone = TimeZone(secondsFromGMT: 0)
    formatter.dateFormat = "EEE, dd MMM yyyy HH:mm:ss 'GMT'"
    return formatter.date(from: text)?.timeIntervalSince1970
  }

  var isExistingPullRequest: Bool { status == 422 && details.contains { $0.contains("A pull request already exists") } }

  /// How long to wait before attempt `number` (from 2); nil when it is pointless.
  func wait(before number: Int, pacing: GitHubPacing, isFreshToken: Bool) -> Duration? {
    if isLimit {
      let wait = retryAfter ?? pacing.limitWait * (1 << (number - 2))
      return wait <= pacing.longestWait ? wait : nil
    }
    // A token that was just made may be unknown for some seconds.
    guard status == 0 || status >= 500 || (status == 401 && isFreshToken) else { return nil }
    return pacing.backoff * (1 << (number - 2))
  }

  private struct Body: Decodable {
    var message: String?
    var errors: [Entry]?

    struct Entry: Decodable {
      var text: String

      private enum CodingKeys: String, CodingKey { case message, field, code }

      init(from decoder: any Decoder) throws {
        // An entry is an object, or just a text.
        if let text = try? decoder.singleValueContainer().decode(String.self) {
          self.text = text
          return
        }
        let container = try decoder.container(keyedBy: CodingKeys.self)
        let field = try container.decodeIfPresent(String.self, forKey: .field) ?? ""
        let code = try container.decodeIfPresent(String.self, forKey: .code) ?? ""
        text = try container.decodeIfPresent(String.self, forKey: .message) ?? "\(field) \(code)"
      }
    }
  }
}

extension GitHubFailure {
  /// What people get to see.
  func error(repository: String, head: String, base: String) -> RookeryError {
    let context = "GitHub answered \(status): \(message) \(details.joined(separator: "; "))"
    func failed(_ cause: String, _ mend: String) -> RookeryError { RookeryError(.pullRequestFailed, cause, mend: mend, context: context) }
    if isLimit {
      let when = retryAfter.map { "in \($0.components.seconds) s" } ?? "in some minutes"
      return RookeryError(.rateLimited, "GitHub lets no more requests through at the moment.", mend: "Try again \(when).", context: context)
    }
    switch status {
    case 0: return RookeryError(.unavailable, "GitHub cannot be reached: \(message).", mend: "Try again.", context: context)
    case 401: return failed("GitHub does not accept the token.", "Give Rookery a new token of this person.")
    case 403:
      return failed(
        "The token may not open or change pull requests of \(repository): \(message.isEmpty ? "forbidden" : message).",
        "Give it the permission “Pull requests: write” for this repository, and approve it for the organisation's single sign-on.")
    case 404:
      return failed(
        "GitHub shows no repository \(repository) to this token.", "Check forge.repository, and that the token covers it.")
    case 301, 302, 307, 308: return failed("The repository \(repository) has moved.", "Set forge.repository to its new name.")
    case 422: return validation(head: head, base: base, failed)
    case 500...: return failed("GitHub answered \(status).", "Try again; https://www.githubstatus.com tells more.")
    default: return failed("GitHub refused the request (\(status)): \(message).", "See the server's log.")
    }
  }

  private func validation(head: String, base: String, _ failed: (String, String) -> RookeryError) -> RookeryError {
    let text = details.joined(separator: " ")
    if text.contains("No commits between") {
      return failed("“\(head)” holds no commit that “\(base)” lacks.", "Nothing needs to be merged.")
    }
    if text.contains("head invalid") { return failed("GitHub has no branch “\(head)”.", "Push it first.") }
    if text.contains("base invalid") { return failed("GitHub has no branch “\(base)”.", "Check the repository's default branch.") }
    if text.contains("Draft pull requests are not supported") {
      return failed("Draft pull requests are not offered for this repository.", "Open it as an ordinary one.")
    }
    return failed("GitHub refused the pull request: \(details.isEmpty ? message : text).", "See the server's log.")
  }
}
