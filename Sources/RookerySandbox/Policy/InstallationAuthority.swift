import Crypto
import Foundation
import Glibc
import RookeryControl
import RookeryModel
import SwiftASN1
import Synchronization
import X509

/// This installation's certificate authority. Only sandboxes trust it; its key stays with `serve`, and what leaves are certificates
/// for the hosts whose TLS ends in the gateway.
package final class InstallationAuthority: Sendable {
  /// Of the authority, and of the certificates that it gives out.
  private static let (lifetime, leafLifetime) = (TimeInterval(10 * 365 * 86_400), TimeInterval(14 * 86_400))
  /// A certificate that holds less long is made anew: grants last hours.
  private static let leafRemainder = TimeInterval(7 * 86_400)
  private static let keptCertificates = 64

  private struct Kept {
    var certificate: Grant.Certificate
    var expires: Date
  }

  private let key: P256.Signing.PrivateKey
  private let authority: Certificate
  /// The authority's certificate, which sandboxes are told to trust.
  package let certificate: String
  /// By the names in them.
  private let kept = Mutex<[[String]: Kept]>([:])

  private init(key: P256.Signing.PrivateKey, authority: Certificate) throws {
    self.key = key
    self.authority = authority
    certificate = try authority.serializeAsPEM().pemString
  }

  /// A new authority, which lives as long as this value.
  package convenience init(now: Date = Date()) throws {
    let key = P256.Signing.PrivateKey()
    let name = try DistinguishedName { CommonName("Rookery sandboxes \(UInt32.random(in: 0 ... .max))") }
    let authority = try Certificate(
      version: .v3, serialNumber: .init(), publicKey: .init(key.publicKey), notValidBefore: now.addingTimeInterval(-3600),
      notValidAfter: now.addingTimeInterval(Self.lifetime), issuer: name, subject: name, signatureAlgorithm: .ecdsaWithSHA256,
      extensions: Certificate.Extensions {
        Critical(BasicConstraints.isCertificateAuthority(maxPathLength: 0))
        Critical(KeyUsage(keyCertSign: true))
        SubjectKeyIdentifier(hash: .init(key.publicKey))
      }, issuerPrivateKey: .init(key))
    try self.init(key: key, authority: authority)
  }

  /// The authority that is kept in `directory`, made there at the first start. Its file is readable for our user alone.
  package static func kept(in directory: String) throws -> InstallationAuthority {
    let path = directory + "/authority.pem"
    if let text = try? String(contentsOfFile: path, encoding: .utf8) {
      do {
        let documents = try PEMDocument.parseMultiple(pemString: text)
        guard documents.count == 2 else { throw RookeryError(.internal, "There are \(documents.count) parts in it.") }
        return try InstallationAuthority(
          key: P256.Signing.PrivateKey(pemRepresentation: documents[0].pemString), authority: Certificate(pemDocument: documents[1]))
      } catch {
        throw RookeryError(
          .configurationInvalid, "\(path) does not hold this installation's authority.",
          mend: "Restore it, or remove it: a new one is made, which sandboxes that run already do not trust.", context: "\(error)")
      }
    }
    let made = try InstallationAuthority()
    let text = made.key.pemRepresentation + "\n" + made.certificate + "\n"
    let temporary = path + ".new"
    unlink(temporary)
    let file = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
    guard file >= 0 else { throw RookeryError.system("open(\(temporary))", errno) }
    let handle = FileHandle(fileDescriptor: file, closeOnDealloc: true)
    try handle.write(contentsOf: Data(text.utf8))
    try handle.synchronize()
    guard rename(temporary, path) == 0 else { throw RookeryError.system("rename(\(path))", errno) }
    return made
  }

  /// A certificate for these hosts with a key of its own.
  package func certificate(for names: Set<HostName>, now: Date = Date()) throws -> Grant.Certificate {
    let names = names.map(\.text).sorted()
    if let known = kept.withLock({ $0[names] }), known.expires > now.addingTimeInterval(Self.leafRemainder) { return known.certificate }
    let leafKey = P256.Signing.PrivateKey()
    let expires = now.addingTimeInterval(Self.leafLifetime)
    let leaf = try Certificate(
      version: .v3, serialNumber: .init(), publicKey: .init(leafKey.publicKey), notValidBefore: now.addingTimeInterval(-3600),
      notValidAfter: expires, issuer: authority.subject, subject: DistinguishedName { CommonName("Rookery gateway") },
      signatureAlgorithm: .ecdsaWithSHA256,
      extensions: Certificate.Extensions {
        Critical(BasicConstraints.notCertificateAuthority)
        Critical(KeyUsage(digitalSignature: true))
        try ExtendedKeyUsage([.serverAuth])
        SubjectAlternativeNames(names.map { .dnsName($0) })
        AuthorityKeyIdentifier(keyIdentifier: SubjectKeyIdentifier(hash: .init(key.publicKey)).keyIdentifier)
      }, issuerPrivateKey: .init(key))
    let made = Grant.Certificate(chain: try leaf.serializeAsPEM().pemString + "\n", key: Secret(leafKey.pemRepresentation))
    kept.withLock { kept in
      if kept.count >= Self.keptCertificates { kept.removeAll() }
      kept[names] = Kept(certificate: made, expires: expires)
    }
    return made
  }
}
