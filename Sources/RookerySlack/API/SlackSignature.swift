import Crypto
import Foundation
import RookeryModel

/// Slack's signature of an HTTP request.
package enum SlackSignature {
  /// Seconds that a request's time may differ from ours.
  static let skew = 300.0

  /// Throws `unauthenticated` unless `body` was signed with `secret` within the last five minutes.
  package static func check(timestamp: String?, signature: String?, body: Data, secret: Secret, now: Date = Date()) throws {
    guard let timestamp, let time = Double(timestamp), timestamp.utf8.allSatisfy({ (0x30...0x39).contains($0) }),
      abs(now.timeIntervalSince1970 - time) <= skew
    else { throw refusal("The request's time is missing or too far from ours.") }
    guard let signature, signature.hasPrefix("v0="), let given = bytes(signature.dropFirst(3)) else {
      throw refusal("The request has no signature.")
    }
    let key = SymmetricKey(data: Data(secret.reveal().utf8))
    let base = Data("v0:\(timestamp):".utf8) + body
    // Takes the same time wherever they differ.
    guard HMAC<SHA256>.isValidAuthenticationCode(given, authenticating: base, using: key) else {
      throw refusal("The request's signature is wrong.")
    }
  }

  /// The `X-Slack-Signature` of a body.
  package static func sign(timestamp: String, body: Data, secret: Secret) -> String {
    let key = SymmetricKey(data: Data(secret.reveal().utf8))
    let code = HMAC<SHA256>.authenticationCode(for: Data("v0:\(timestamp):".utf8) + body, using: key)
    let hex = code.map { byte in (byte < 16 ? "0" : "") + String(byte, radix: 16) }.joined()
    return "v0=\(hex)"
  }

  private static func bytes(_ hex: Substring) -> [UInt8]? {
    guard hex.utf8.count == 64 else { return nil }
    let digits = hex.compactMap(\.hexDigitValue)
    guard digits.count == 64 else { return nil }
    return stride(from: 0, to: 64, by: 2).map { UInt8(digits[$0] * 16 + digits[$0 + 1]) }
  }

  private static func refusal(_ cause: String) -> RookeryError {
    RookeryError(.unauthenticated, cause, mend: "Check slack.signing_secret_env against the app's page, and this machine's clock.")
  }
}
