import Foundation
import RookeryModel
import _CryptoExtras

/// Who we are at GitHub: an App's ids and secrets, from the configuration or from the manifest flow.
package struct AppCredentials: Sendable, Codable, Equatable {
  package var id: Int64
  /// The App's name in addresses, where it is known.
  package var slug: String?
  /// An RSA key in PEM.
  package var privateKey: Secret
  /// For signing people in.
  package var clientID: String?
  package var clientSecret: Secret?
  package var webhookSecret: Secret?

  package init(
    id: Int64, slug: String? = nil, privateKey: Secret, clientID: String? = nil, clientSecret: Secret? = nil, webhookSecret: Secret? = nil
  ) {
    self.id = id
    self.slug = slug
    self.privateKey = privateKey
    self.clientID = clientID
    self.clientSecret = clientSecret
    self.webhookSecret = webhookSecret
  }
}

/// Makes the short-lived proof that a request comes from the App.
struct AppTokenSigner: Sendable {
  private let issuer: Int64
  private let key: _RSA.Signing.PrivateKey

  /// Throws `configurationInvalid` when the key is none.
  init(_ app: AppCredentials) throws {
    issuer = app.id
    do { key = try _RSA.Signing.PrivateKey(pemRepresentation: app.privateKey.reveal()) } catch {
      throw RookeryError(
        .configurationInvalid, "The private key of the GitHub App is no RSA key in PEM.",
        mend: "Download a new one from the App's settings, and name its file in github.app.private_key_file.")
    }
  }

  /// - Parameter now: Seconds since 1970 on GitHub's clock.
  func token(now: Double) throws -> Secret {
    // A minute in the past allows for clocks that differ; GitHub takes ten minutes at most.
    let issued = Int64(now) - 60
    let header = Self.encoded(Data(#"{"alg":"RS256","typ":"JWT"}"#.utf8))
    let claims = Self.encoded(Data(#"{"iat":\#(issued),"exp":\#(issued + 540),"iss":"\#(issuer)"}"#.utf8))
    let signed = header + "." + claims
    let signature = try key.signature(for: Data(signed.utf8), padding: .insecurePKCS1v1_5)
    return Secret(signed + "." + Self.encoded(signature.rawRepresentation))
  }

  private static func encoded(_ data: Data) -> String { data.base64URL }
}

extension Data {
  /// RFC 4648's alphabet for addresses, without padding.
  var base64URL: String {
    base64EncodedString().replacing("+", with: "-").replacing("/", with: "_").replacing("=", with: "")
  }
}
