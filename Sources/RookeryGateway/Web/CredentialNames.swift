import Foundation

/// Where in a request services look for a caller's credential, by the names of headers and of parameters. An account of somebody's
/// own would make any request a way out for what is in a sandbox: a read is logged, counted and rate-limited where its owner sees it.
enum CredentialNames {
  private static let words: Set = [
    "auth", "authorization", "authentication", "token", "secret", "apikey", "key", "password", "passwd", "credential", "credentials",
    "cookie", "cookie2", "signature", "otp", "session", "jwt", "bearer", "sso", "pat",
  ]
  /// Headers that name none although their words sound so.
  private static let harmless: Set = ["idempotency-key", "sec-websocket-key", "surrogate-key"]

  /// Parameters that carry credentials and nothing else.
  private static let certain: Set = [
    "access_token", "private_token", "job_token", "api_key", "apikey", "client_secret", "auth_token", "oauth_token", "x-amz-signature",
    "x-amz-credential", "x-goog-signature", "x-goog-credential",
  ]
  /// And those that may also be something else.
  private static let possible: Set = ["token", "auth", "key", "password", "secret", "sig", "signature"]

  static func isHeader(_ name: String) -> Bool {
    let name = name.lowercased()
    guard !harmless.contains(name) else { return false }
    return name.split(whereSeparator: { $0 == "-" || $0 == "_" }).contains { words.contains(String($0)) }
      || ["token", "apikey", "secret"].contains(where: name.contains)
  }

  /// Whether a query names a credential, or a parameter in a spelling that two readers could read differently.
  /// - Parameter isStrict: Also for names that may mean something else.
  static func isIn(_ query: String?, isStrict: Bool) -> Bool {
    (query ?? "").lowercased().split(whereSeparator: { $0 == "&" || $0 == ";" }).contains { pair in
      let name = String(pair.prefix { $0 != "=" })
      let plain = name.replacing("+", with: " ").removingPercentEncoding ?? name
      return certain.contains(plain) || (isStrict && (possible.contains(plain) || plain != name))
    }
  }
}
