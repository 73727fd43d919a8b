import Foundation
import Glibc
import RookeryConfiguration
import RookeryGateway
import RookeryModel
import RookeryTestSupport
import Synchronization
import Testing

@testable import RookerySandbox

extension EgressTests {
  /// A web server beyond the sandbox, on a loopback address of this test's own, and what it was asked.
  final class Outside: Sendable {
    let address = "127.\(Int.random(in: 50...250)).\(Int.random(in: 1...250)).\(Int.random(in: 1...250))"
    let directory: TemporaryDirectory
    let authority: InstallationAuthority
    private let servers: Process

    static let names = ["open.test", "secret.test", "registry.test", "api.test", "elsewhere.test", "git.test", "late.test"]

    init() throws {
      directory = try TemporaryDirectory(prefix: "rookery-outside")
      authority = try InstallationAuthority()
      let certificate = try authority.certificate(for: Set(Self.names.compactMap { HostName($0) }))
      try directory.write(certificate.chain, to: "chain.pem")
      try directory.write(certificate.key.reveal(), to: "key.pem")
      try directory.write(authority.certificate + "\n", to: "authority.pem")
      try directory.write(Self.script, to: "server.py")
      servers = Process()
      servers.executableURL = URL(fileURLWithPath: "/usr/bin/env")
      servers.arguments = ["python3", directory.path("server.py"), address, directory.path]
      try servers.run()
    }

    func ready() async throws {
      try await eventually { FileManager.default.fileExists(atPath: self.directory.path("ready")) }
    }

    /// A child of a thread that blocks signals, as those of dispatch do, blocks them, too: only this one always reaches it.
    func stop() { kill(servers.processIdentifier, SIGKILL) }

    /// Everything that was asked, as JSON lines.
    var log: String { (try? String(contentsOfFile: directory.path("log"), encoding: .utf8)) ?? "" }

    private static let script = """
      import http.server, json, ssl, sys, threading
      address, directory = sys.argv[1:]
      class Handler(http.server.BaseHTTPRequestHandler):
          protocol_version = "HTTP/1.1"
          def answer(self):
              length = int(self.headers.get("Content-Length") or 0)
              body = self.rfile.read(length).decode()
              text = json.dumps({"method": self.command, "path": self.path, "headers": {k.lower(): v for k, v in self.headers.items()},
                                 "tls": isinstance(self.connection, ssl.SSLSocket), "body": body})
              with open(directory + "/log", "a") as log: log.write(text + "\\n")
              if self.path.startswith("/redirect"):
                  self.send_response(302); self.send_header("Location", "https://elsewhere.test/landed"); text = ""
              else:
                  self.send_response(200)
              if self.path.startswith("/slow"):
                  self.send_header("Content-Length", "1000"); self.end_headers(); self.wfile.write(b"begun"); self.wfile.flush()
                  return threading.Event().wait()
              if self.path.startswith("/cookie"): self.send_header("Set-Cookie", "session=made-from-the-secret")
              data = text.encode()
              self.send_header("Content-Length", str(len(data))); self.end_headers()
              if self.command != "HEAD": self.wfile.write(data)
          do_GET = do_HEAD = do_POST = do_PUT = do_DELETE = answer
          def log_message(self, *rest): pass
      plain = http.server.ThreadingHTTPServer((address, 80), Handler)
      secure = http.server.ThreadingHTTPServer((address, 443), Handler)
      context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
      context.load_cert_chain(directory + "/chain.pem", directory + "/key.pem")
      secure.socket = context.wrap_socket(secure.socket, server_side=True)
      threading.Thread(target=plain.serve_forever, daemon=True).start()
      open(directory + "/ready", "w").close()
      secure.serve_forever()
      """
  }

  static let secret = "wire-secret-4711"

  /// A stack with a sandbox whose grant comes from the policy.
  func withSandbox(
    _ body: @escaping @Sendable (SandboxStack, Outside, any Sandbox, Grant) async throws -> Void
  ) async throws {
    let outside = try Outside()
    defer { outside.stop() }
    try await outside.ready()
    try await SandboxStack.with(adjust: { configuration, gateway in
      gateway.extraAuthorities = outside.directory.path("authority.pem")
      for name in Outside.names { gateway.fixedAddresses[name] = [outside.address] }
      gateway.fixedAddresses["rebound.test"] = ["169.254.169.254"]
      gateway.fixedAddresses["inner.test"] = ["10.0.0.1", "::ffff:127.0.0.1", "fd00::1", "100.64.0.1", "127.0.0.1"]
      configuration.network.privateHosts += Outside.names.flatMap { ["\($0):80", "\($0):443"] }
      configuration.network.registries = ["https://registry.test/simple"]
      configuration.secrets["TOKEN"] = try? Self.wireSecret()
      for name in configuration.repositories.keys {
        configuration.repositories[name]?.hosts = ["open.test", "*.wild.test", "rebound.test", "inner.test"].compactMap { HostPattern($0) }
        configuration.repositories[name]?.secrets = ["TOKEN"]
        configuration.repositories[name]?.requestableHosts = ["late.test"].compactMap { HostPattern($0) }
        configuration.repositories[name]?.forge = .init(kind: .github, apiURL: "https://api.test", repository: "acme/web")
      }
    }) { stack in
      try await stack.git.makeRepository("app")
      _ = try await stack.add()
      try await stack.provider.configureNetwork(try await stack.repositories.networkSetup())
      let sandbox = try await stack.provider.create(
        CreateSandbox(
          id: .random(prefix: "t-"), source: .base(SandboxStack.base), limits: Limits(memoryMB: 512, processes: 256), bundles: []))
      let (grant, _) = try await stack.repositories.grant(
        of: sandbox.id, for: stack.name, environment: nil, pushRef: nil, expires: Date(timeIntervalSinceNow: 600))
      try await stack.gateway.grant(grant)
      try await body(stack, outside, sandbox, grant)
    }
  }

  static func wireSecret() throws -> Configuration.WireSecret? {
    let yaml = "secrets: {TOKEN: {env: TOKEN, hosts: [secret.test]}}"
    let file = try TemporaryDirectory(prefix: "rookery-secret")
    try file.write(yaml, to: "rookery.yaml")
    return try Configuration.load(file: file.path("rookery.yaml"), environment: ["TOKEN": secret]).secrets["TOKEN"]
  }

  /// What a shell script prints, as the agent's account.
  func run(_ script: String, in sandbox: any Sandbox) async throws -> (code: ProcessExit, text: String) {
    let result = try await sandbox.run(
      ProcessSpec(
        id: .random(prefix: "p-"), argv: ["/bin/sh", "-c", "exec 2>&1; " + script], environment: BuildShell.environment(of: .agent),
        directory: "/tmp", account: .agent))
    return (result.exit, result.output)
  }

  func refusals(_ stack: SandboxStack, of sandbox: SandboxID) async throws -> [NetworkRefused] {
    try await stack.gateway.reports(after: 0).filter { $0.sandbox == sandbox }.compactMap {
      if case .refused(let refusal) = $0.kind { refusal } else { nil }
    }
  }
}
