import RookeryModel

/// Why a call of Slack's Web API did not do what was asked.
package enum SlackFailure: Error, Sendable, Equatable {
  /// Too many calls: seconds until the next may be made.
  case limited(seconds: Double)
  /// Slack's own word for it: `channel_not_found`, `invalid_auth`, …
  case refused(method: String, code: String, needed: String?)
  /// No answer, or one of a broken server: trying again helps.
  case unreachable(String)

  /// Whether the same call may succeed by waiting.
  package var mayImprove: Bool {
    switch self {
    case .limited, .unreachable: true
    case .refused(_, let code, _):
      ["internal_error", "fatal_error", "service_unavailable", "request_timeout", "ratelimited", "rate_limited", "team_added_to_org"]
        .contains(code)
    }
  }

  package var code: String? { if case .refused(_, let code, _) = self { code } else { nil } }

  /// For people; never with a token.
  package var error: RookeryError {
    switch self {
    case .limited(let seconds):
      RookeryError(.rateLimited, "Slack lets no more calls through for \(Int(seconds.rounded(.up))) s.", mend: "Wait, and try again.")
    case .unreachable(let cause):
      RookeryError(.unavailable, "Slack can't be reached: \(cause).", mend: "Try again; status.slack.com tells more.")
    case .refused(let method, let code, let needed):
      RookeryError(
        Self.isAboutToken(code) ? .unauthenticated : .forbidden,
        "Slack refused \(method): \(code)\(needed.map { " (it needs the scope \($0))" } ?? "").", mend: Self.mend(code, needed: needed))
    }
  }

  private static func isAboutToken(_ code: String) -> Bool {
    ["invalid_auth", "not_authed", "account_inactive", "token_revoked", "token_expired", "not_allowed_token_type"].contains(code)
  }

  private static func mend(_ code: String, needed: String?) -> String {
    if isAboutToken(code) { return "Install the app again and give Rookery its new token (slack.bot_token_env, slack.app_token_env)." }
    if let needed { return "Add “\(needed)” to the app (“rookery slack manifest” has every scope) and install it again." }
    switch code {
    case "not_in_channel", "channel_not_found": return "Invite the app to the channel: /invite @rookery."
    default: return "“rookery slack check” looks at tokens and scopes."
    }
  }
}
