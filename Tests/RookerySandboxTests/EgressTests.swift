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
      let cookie = try await run("curl -sSi https://secret.test/cookie/use; curl -sSi http://open.test/cookie", in: sandbox)
      #expect(cookie.text.components(separatedBy: "made-from-the-secret").count == 2, "\(cookie.text)")
      let attempts = [
        "curl -sS 'https://secret.test/x?access_token=mine'", "curl -sS -X TRACE https://secret.test/trace",
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
        s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.connect(("1.1.1.1", 123)); tried(lambda: s.send(b"x")); time.sleep(1)
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
        # Requests that the gateway reads are cut in the middle of their answers.
        slow = []
        for name, port in [("open.test", 80), ("secret.test", 443)]:
            t = socket.create_connection((name, port))
            if port == 443: t = context.wrap_socket(t, server_hostname=name)
            t.sendall(f"GET /slow HTTP/1.1\\r\\nHost: {name}\\r\\n\\r\\n".encode())
            answer = b""
            while b"begun" not in answer: answer += t.recv(1000)
            slow.append(t)
        open("/tmp/open", "w").close()
        for t in [s] + slow:
            t.settimeout(60)
            try: print("end" if t.recv(1000) == b"" else "data")
            except OSError as e: print("cut", e)
        P
        """
      async let cut = run(script, in: sandbox)
      try await eventually { try await run("test -e /tmp/open", in: sandbox).code == .code(0) }
      var narrower = grant
      narrower.network.sites.removeAll { ["open.test", "secret.test"].contains($0.host.name.text) }
      try await stack.gateway.grant(narrower)
      let lines = try await cut.text.split(separator: "\n")
      #expect(lines.count == 3 && lines.allSatisfy { $0 == "end" || $0.hasPrefix("cut") && !$0.contains("timed out") }, "\(lines)")
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
}
