import Foundation
import RookeryGateway
import RookeryModel
import RookeryRehearsal
import RookeryTestSupport
import Testing

@Suite struct CertificateTests {
  /// A real TLS server whose certificate fits its name, but comes from nobody that this host trusts.
  @Test func untrustedCertificatesAreRefused() async throws {
    let directory = try TemporaryDirectory()
    let (key, certificate) = (directory.path("key.pem"), directory.path("cert.pem"))
    try await Command.output([
      "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2", "-keyout", key,
      "-out",
      certificate, "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost",
    ])
    let server = try ChildProcess(
      arguments: ["/usr/bin/openssl", "s_server", "-accept", "127.0.0.1:0", "-cert", certificate, "-key", key, "-www"],
      environment: ["PATH": "/usr/bin:/bin"])
    var output = ""
    while !output.contains("ACCEPT 127.0.0.1:") { output += String(decoding: try await server.read(), as: UTF8.self) }
    let port = try #require(
      output.split(separator: "\n").first { $0.hasPrefix("ACCEPT") }.flatMap { Int($0.split(separator: ":").last ?? "") })
    let gateway = try await GatewayFixture.start()
    let git = Grant.Git(name: try RepositoryName("one"), url: "https://localhost:\(port)/one.git", pushRef: nil)
    try await gateway.grant(git: [git], privateHosts: ["localhost:\(port)"])
    try await gateway.answering({ _ in .basic(user: "x", password: Secret("never-sent")) }) {
      let result = try await Command.run(["git", "ls-remote", gateway.gitURL("one")])
      #expect(result.status != 0 && result.errorOutput.contains("has no certificate that this host trusts"), "\(result.text)")
    }
    server.kill()
    try await gateway.stop()
  }
}
