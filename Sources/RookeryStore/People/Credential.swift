import Crypto
import Foundation

/// What a secret is good for; a secret of one kind is worthless as another.
package enum CredentialKind: String, Sendable, CaseIterable {
  /// A bearer token of the API: `rky_…`.
  case token = "api"
  /// A cookie of the web page: `rkw_…`.
  case cookie = "web"

  var prefix: String {
    switch self {
    case .token: "rky_"
    case .cookie: "rkw_"
    }
  }
}

/// A secret at the moment of its making, the only one at which its text is known.
package struct IssuedCredential: Sendable {
  /// The secret itself, to be shown once.
  package var text: String
  package var summary: CredentialSummary
}

/// A stored secret as its owner sees it later.
package struct CredentialSummary: Sendable, Equatable {
  /// The start of the hash, in hex: enough to tell one's own apart.
  package var id: String
  /// What its owner called it.
  package var purpose: String
  package var created: Date
  package var expires: Date?
}

/// The making and the hashing of secrets.
enum CredentialText {
  static let randomBytes = 32

  /// `prefix` and 256 random bits in URL-safe base 64.
  static func make(prefix: String) -> String {
    var generator = SystemRandomNumberGenerator()
    let bytes = (0..<randomBytes).map { _ in UInt8.random(in: .min ... .max, using: &generator) }
    let text = Data(bytes).base64EncodedString()
      .replacingOccurrences(of: "+", with: "-").replacingOccurrences(of: "/", with: "_")
      .replacingOccurrences(of: "=", with: "")
    return prefix + text
  }

  /// SHA-256; the secrets are random, so no salt or stretching adds anything. Rows are found by this hash: what an attacker
  /// could time is the hash of a guess, which says nothing about a secret.
  static func hash(_ text: String) -> Data { Data(SHA256.hash(data: Data(text.utf8))) }

  static func id(of hash: Data) -> String {
    hash.prefix(10).map { byte in
      let digits = String(byte, radix: 16)
      return digits.count == 1 ? "0" + digits : digits
    }.joined()
  }
}
