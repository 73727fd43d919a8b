import Crypto
import Foundation
import RookeryModel

/// `X-Hub-Signature-256`: proof that a delivery is GitHub's and was not changed.
package enum WebhookSignature {
  /// Over the raw bytes, in constant time.
  package static func isValid(_ header: String, body: Data, secret: Secret) -> Bool {
    let prefix = "sha256="
    guard header.hasPrefix(prefix), header.utf8.count == prefix.utf8.count + 64, !secret.reveal().isEmpty else { return false }
    var code: [UInt8] = []
    var digits = header.dropFirst(prefix.count).utf8.makeIterator()
    while let high = digits.next(), let low = digits.next() {
      guard let byte = UInt8(String(decoding: [high, low], as: UTF8.self), radix: 16) else { return false }
      code.append(byte)
    }
    return HMAC<SHA256>.isValidAuthenticationCode(
      code, authenticating: body, using: SymmetricKey(data: Data(secret.reveal().utf8)))
  }

  /// The header for a body, as GitHub makes it.
  package static func header(of body: Data, secret: Secret) -> String {
    let code = HMAC<SHA256>.authenticationCode(for: body, using: SymmetricKey(data: Data(secret.reveal().utf8)))
    return "sha256=" + code.map { String($0 >> 4, radix: 16) + String($0 & 15, radix: 16) }.joined()
  }
}
