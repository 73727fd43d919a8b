import Crypto
import Foundation
import RookeryModel

/// The secrets of links by which people join a session: worthless for anything else.
package enum InvitationSecret {
  private static let prefix = "rkj_"

  /// A new secret, and an id for the link that says nothing about it.
  package static func make() -> (secret: Secret, id: String) {
    let text = CredentialText.make(prefix: prefix)
    return (Secret(text), CredentialText.id(of: CredentialText.hash("id:" + text)))
  }

  package static func hash(_ secret: Secret) -> Data { CredentialText.hash(secret.reveal()) }
}
