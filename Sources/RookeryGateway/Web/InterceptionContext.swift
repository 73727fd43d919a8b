import NIOSSL
import RookeryModel

/// The gateway's side of TLS that ends in it.
enum InterceptionContext {
  /// - Throws: `badRequest` when the certificate or its key can't be used.
  static func make(_ certificate: Grant.Certificate) throws -> NIOSSLContext {
    do {
      let chain = try NIOSSLCertificate.fromPEMBytes(Array(certificate.chain.utf8)).map { NIOSSLCertificateSource.certificate($0) }
      let key = try NIOSSLPrivateKey(bytes: Array(certificate.key.reveal().utf8), format: .pem)
      var configuration = TLSConfiguration.makeServerConfiguration(certificateChain: chain, privateKey: .privateKey(key))
      configuration.minimumTLSVersion = .tlsv12
      // Requests are read: one at a time on a connection.
      configuration.applicationProtocols = ["http/1.1"]
      return try NIOSSLContext(configuration: configuration)
    } catch {
      throw RookeryError(.badRequest, "The grant's certificate can't be used.", context: "\(error)")
    }
  }
}
