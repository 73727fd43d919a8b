import Foundation
import NIOCore
import RookeryModel
import Testing

@testable import RookeryGateway

@Suite struct ClientHelloTests {
  /// A hello as clients send it, in records of at most `record` bytes.
  static func hello(names: [String]? = ["example.org"], extra: [UInt8] = [], record: Int = 1 << 14) -> [UInt8] {
    func two(_ value: Int) -> [UInt8] { [UInt8(value >> 8), UInt8(value & 0xff)] }
    var extensions = extra
    if let names {
      let list: [UInt8] = names.flatMap { name -> [UInt8] in [0] + two(name.utf8.count) + Array(name.utf8) }
      extensions += two(0) + two(list.count + 2) + two(list.count) + list
    }
    var body: [UInt8] = [3, 3] + [UInt8](repeating: 7, count: 32) + [0] + two(2) + [0x13, 1] + [1, 0]
    body += two(extensions.count) + extensions
    let message: [UInt8] = [1, 0] + two(body.count) + body
    return stride(from: 0, to: message.count, by: record).flatMap { start -> [UInt8] in
      let part = message[start..<min(start + record, message.count)]
      return [22, 3, 1] + two(part.count) + part
    }
  }

  @Test(arguments: [1 << 14, 100, 7, 1])
  func findsTheNameHoweverItIsSplit(record: Int) {
    let bytes = Self.hello(record: record)
    #expect(ClientHello.read(bytes[...]) == .hello(ClientHello(serverName: "example.org")))
    for count in 0..<bytes.count { #expect(ClientHello.read(bytes[..<count]) == .incomplete, "after \(count) bytes") }
    // What follows belongs to the next message.
    #expect(ClientHello.read((bytes + [1, 2, 3])[...]) == .hello(ClientHello(serverName: "example.org")))
  }

  @Test func tellsMissingNamesAndEncryptedHellos() {
    #expect(ClientHello.read(Self.hello(names: nil)[...]) == .hello(ClientHello()))
    let encrypted = ClientHello.read(Self.hello(names: ["outer.example"], extra: [0xfe, 0x0d, 0, 1, 9])[...])
    #expect(encrypted == .hello(ClientHello(serverName: "outer.example", hasEncryptedHello: true)))
  }

  static let malformed: [(name: String, bytes: [UInt8])] = [
    ("two names", hello(names: ["a.example", "b.example"])), ("an empty name", hello(names: [""])), ("no names", hello(names: [])),
    ("a NUL", hello(names: ["allowed.example\u{0}.evil.example"])), ("a space", hello(names: ["a b"])),
    ("the extension twice", hello(extra: [0, 0, 0, 6, 0, 4, 0, 0, 1, 0x61])), ("an extension cut off", hello(extra: [0xff, 0xff, 0])),
    (
      "another message",
      {
        var bytes = hello(); bytes[5] = 2; return bytes
      }()
    ), ("an empty record", [22, 3, 1, 0, 0]),
    ("another version", [22, 2, 0, 0, 5, 1]), ("a huge message", [22, 3, 1, 0, 4, 1, 0xff, 0xff, 0xff]),
    ("a record too long", [22, 3, 1, 0x50, 0, 1]),
  ]

  @Test(arguments: malformed.indices)
  func refusesWhatCouldBeReadInTwoWays(index: Int) {
    let (name, bytes) = Self.malformed[index]
    guard case .malformed = ClientHello.read(bytes[...]) else {
      Issue.record("\(name): \(ClientHello.read(bytes[...]))")
      return
    }
  }

  @Test func nothingEverEndsOrGrowsItsReader() {
    var generator = SystemRandomNumberGenerator()
    let start = Self.hello()
    for _ in 0..<2000 {
      var bytes = start
      for _ in 0..<Int.random(in: 1...4, using: &generator) {
        bytes[Int.random(in: 0..<bytes.count, using: &generator)] = .random(in: 0 ... .max)
      }
      _ = ClientHello.read(bytes[...])
    }
  }

  @Test func openingsAreTold() {
    func opening(_ bytes: [UInt8]) -> Opening? { Opening(ByteBuffer(bytes: bytes).readableBytesView) }
    #expect(opening([]) == nil && opening([22, 3]) == nil)
    #expect(opening(Array("GET / HTTP/1.1".utf8)) == .http)
    for bytes in [Array("SSH-2.0-x".utf8).map { $0 | 0x80 }, [0x80, 0x2e, 1], [0], [5, 1, 0]] {
      guard case .malformed = opening(bytes) else {
        Issue.record("\(bytes)")
        continue
      }
    }
  }
}

@Suite struct DNSQuestionTests {
  static func question(_ name: String, type: UInt16 = 1, flags: UInt16 = 0x0100, tail: [UInt8] = []) -> [UInt8] {
    var bytes: [UInt8] = [0x12, 0x34, UInt8(flags >> 8), UInt8(flags & 0xff), 0, 1, 0, 0, 0, 0, 0, 0]
    for label in name.split(separator: ".") { bytes += [UInt8(label.utf8.count)] + Array(label.utf8) }
    return bytes + [0, UInt8(type >> 8), UInt8(type & 0xff), 0, 1] + tail
  }

  @Test func readsAndAnswers() throws {
    let question = try #require(DNSQuestion(Self.question("WWW.Example.org", tail: [0, 0, 41, 4, 0xd0, 0, 0, 0, 0, 0, 0])))
    #expect(question.name == "WWW.Example.org" && question.type == 1 && question.id == 0x1234)
    let answer = question.answer(.none, addresses: [[198, 18, 1, 2]])
    #expect(Array(answer[..<12]) == [0x12, 0x34, 0x85, 0x80, 0, 1, 0, 1, 0, 0, 0, 0])
    #expect(answer.suffix(16) == [0xc0, 0x0c, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 198, 18, 1, 2])
    #expect(question.answer(.unknownName)[3] & 0xf == 3)
  }

  @Test(arguments: [
    [], [1, 2, 3], Array(DNSQuestionTests.question("a.b").dropLast(3)), DNSQuestionTests.question("a.b", flags: 0x8100),
    DNSQuestionTests.question("a.b", flags: 0x2800), [0, 1, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0xc0, 0x0c, 0, 1, 0, 1],
    [0, 1, 1, 0, 0, 2, 0, 0, 0, 0, 0, 0, 1, 0x61, 0, 0, 1, 0, 1], [0, 1, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 3, 0x61, 0x2e, 0x62, 0, 0, 1, 0, 1],
    [UInt8](repeating: 0x61, count: 600),
  ])
  func refusesWhatIsNoQuestion(bytes: [UInt8]) { #expect(DNSQuestion(bytes) == nil) }

  @Test func answersOnlyWhatIsAllowedAndOnlyAddresses() throws {
    let grants = GrantBook()
    let sandbox = SandboxID.random(prefix: "box-")
    let sites = try ["good.example", "*.wide.example:8443"].map { Grant.Site(host: try #require(HostPattern($0)), access: .open) }
    try grants.put(
      Grant(
        sandbox: sandbox, expires: Date(timeIntervalSinceNow: 60), git: [], model: nil, network: .init(sites: sites), privateHosts: []),
      spent: (0, 0))
    let server = NameServer(sandbox: sandbox, grants: grants)
    func code(_ name: String, _ type: UInt16 = 1) throws -> (code: UInt8, answers: UInt8) {
      let reply = server.reply(to: Self.question(name, type: type))
      let answer = try #require(reply.bytes)
      #expect(reply.refused == nil || answer[3] & 0xf == 3)
      return (answer[3] & 0xf, answer[7])
    }
    #expect(try code("good.example") == (0, 1) && code("GOOD.example") == (0, 1) && code("x.wide.example") == (0, 1))
    for type: UInt16 in [28, 65, 64, 16, 255] { #expect(try code("good.example", type) == (0, 0), "type \(type)") }
    for name in ["wide.example", "bad.example", "good.example.bad", "127.0.0.1", "metadata", "localhost"] {
      #expect(try code(name) == (3, 0), "\(name)")
    }
    #expect(try code("git.rookery.internal") == (0, 1))
    let good = try #require(HostName("good.example"))
    let address = try #require(NameServer.address(for: good))
    #expect(server.name(of: address)?.text == "good.example" && AddressPolicy.refusal(of: address) == "benchmarking")
    grants.revoke(sandbox)
    #expect(try code("good.example").code == 2)
  }
}

@Suite struct SiteDecisionTests {
  private func decision(_ sites: [(String, Grant.Site.Access)], host: String = "x.example", port: Int = 443) throws -> SiteDecision? {
    SiteDecision(
      sites: try sites.map { Grant.Site(host: try #require(HostPattern($0.0)), access: $0.1) }, host: try #require(HostName(host)),
      port: port)
  }

  @Test func saysWhatMayBeAsked() throws {
    #expect(try decision([("y.example", .open)]) == nil)
    let open = try #require(try decision([("x.example", .open)]))
    #expect(!open.isIntercepted && open.verdict(isRead: false, path: "/", query: nil) == .asIs)
    // A host that two rules name is held to the stricter one.
    let both = [("x.wide.example", Grant.Site.Access.open), ("*.wide.example:443", .read)]
    let read = try #require(try decision(both, host: "x.wide.example"))
    #expect(read.isIntercepted && read.verdict(isRead: true, path: "/", query: nil) == .stripped)
    guard case .refused = read.verdict(isRead: false, path: "/", query: nil) else {
      Issue.record("a write to a host that is for reading alone")
      return
    }
    #expect(try decision(both, host: "x.wide.example", port: 80)?.isIntercepted == false)
    #expect(try decision([("*.wide.example:443", .read)], host: "wide.example") == nil)
    let registry = try #require(try decision([("x.example", .read)]))
    #expect(registry.verdict(isRead: true, path: "/simple/", query: "a=b") == .stripped)
    for (isRead, query) in [(false, nil), (true, "access_token=mine"), (true, "a=b&Private_Token=x"), (true, "acc%65ss_token=x")] {
      guard case .refused = registry.verdict(isRead: isRead, path: "/", query: query) else {
        Issue.record("\(isRead) \(query ?? "")")
        continue
      }
    }
    for (name, isAllowed) in [("page_token", true), ("q", true), ("Access_Token", false), ("api%5Fkey", false), ("X-Amz-Signature", false)]
    {
      let secret = try #require(try decision([("x.example", .credential(header: "Authorization", value: Secret("Bearer s")))]))
      let verdict = secret.verdict(isRead: true, path: "/", query: "a=b&\(name)=c")
      #expect((verdict == .with(header: "Authorization", value: Secret("Bearer s"))) == isAllowed, "\(name): \(verdict)")
    }
    let secret = try #require(try decision([("x.example", .credential(header: "Authorization", value: Secret("Bearer s")))]))
    #expect(secret.verdict(isRead: false, path: "/", query: nil) == .with(header: "Authorization", value: Secret("Bearer s")))
  }

  @Test(arguments: [
    ("/repos/acme/web", true), ("/repos/acme/web/issues", true), ("/Repos/Acme/WEB/pulls", true), ("/repos/acme/web2", false),
    ("/repos/acme", false), ("/repos/evil/web", false), ("/user", false), ("/repos/acme/web%2f..%2fother", false),
  ])
  func theForgeAnswersForOneRepository(path: String, isAllowed: Bool) throws {
    let forge = try #require(try decision([("x.example", .forge(path: "/repos/acme/web"))]))
    #expect((forge.verdict(isRead: true, path: path, query: nil) == .stripped) == isAllowed)
    guard case .refused = forge.verdict(isRead: false, path: path, query: nil) else {
      Issue.record("a write")
      return
    }
  }

  @Test func aHostOfGitServesNothingElse() throws {
    let git = try #require(try decision([("x.example", .git)]))
    #expect(git.servesGit && git.isIntercepted)
    guard case .refused = git.verdict(isRead: true, path: "/x", query: nil) else {
      Issue.record("a page")
      return
    }
  }
}

@Suite struct CredentialNameTests {
  @Test(arguments: [
    "Authorization", "cookie", "X-Api-Key", "apikey", "Private-Token", "X-Auth-Token", "x-goog-api-key", "X-JFrog-Art-Api-Key",
    "X-Amz-Security-Token", "npm-session", "npm-otp", "Proxy-Authorization", "X-Vault-Token", "x_access_token", "X-AccessToken",
  ])
  func headersThatCarryCredentials(name: String) { #expect(CredentialNames.isHeader(name)) }

  @Test(arguments: [
    "accept", "user-agent", "content-type", "range", "if-none-match", "x-author", "x-keyboard", "idempotency-key", "authority",
    "x-request-id",
  ])
  func headersThatDoNot(name: String) { #expect(!CredentialNames.isHeader(name)) }
}

@Suite struct ReportTests {
  private let sandbox = SandboxID.random(prefix: "box-")

  private func collected(_ spool: ReportSpool) async -> [NetworkRefused] {
    await spool.collect(after: 0, wait: .zero).compactMap { if case .refused(let refusal) = $0.kind { refusal } else { nil } }
  }

  @Test func refusalsOfOneKindAreGathered() async throws {
    let spool = ReportSpool(limit: 100)
    let start = ContinuousClock.now - .seconds(100)
    for second in 0..<20 { spool.refused(sandbox, host: "a", port: 443, reason: "r", now: start + .seconds(second)) }
    #expect(await spool.collect(after: 0, wait: .zero).count == 2)
    #expect(await collected(spool).map(\.count) == [1, 19])
  }

  @Test func aFloodOfDifferentOnesIsLimited() async throws {
    let spool = ReportSpool(limit: 1000)
    let now = ContinuousClock.now
    for number in 0..<500 { spool.refused(sandbox, host: "h\(number)", port: 443, reason: "r", now: now) }
    #expect(await collected(spool).count <= 31)
    spool.refused(.random(prefix: "box-"), host: "other", port: 443, reason: "r", now: now)
    #expect(await collected(spool).contains { $0.host == "other" })
  }

  @Test func whatWasCollectedIsForgotten() async throws {
    let spool = ReportSpool(limit: 10)
    spool.refused(sandbox, host: "a\u{1b}[2J", port: 22, reason: "r")
    spool.budgetSpent(sandbox, detail: "all")
    spool.budgetSpent(sandbox, detail: "all")
    let reports = await spool.collect(after: 0, wait: .zero)
    #expect(reports.count == 2 && reports.last?.kind == .budgetSpent(detail: "all"))
    #expect(await collected(spool).first?.host == "a\u{fffd}[2J")
    #expect(await spool.collect(after: reports.last?.seq ?? 0, wait: .zero).isEmpty)
  }

  @Test func rejectedPacketsAreRead() throws {
    var packet: [UInt8] = [0x45, 0, 0, 40, 0, 0, 0, 0, 64, 6, 0, 0, 1, 1, 1, 1, 9, 8, 7, 6, 0x9c, 0x40, 0, 22]
    #expect(RejectedPacket(packet[...]) == RejectedPacket(destination: try #require(IPAddress("9.8.7.6")), port: 22, sourcePort: 0x9c40))
    packet[9] = 1
    #expect(RejectedPacket(packet[...])?.port == 0)
    #expect(RejectedPacket([0x45, 0][...]) == nil && RejectedPacket([][...]) == nil && RejectedPacket.all(in: [1, 2, 3][...]).isEmpty)
  }
}

extension RejectedPacket {
  init(destination: IPAddress, port: Int, sourcePort: Int) {
    var bytes = [UInt8](repeating: 0, count: 24)
    (bytes[0], bytes[9]) = (0x45, 6)
    bytes.replaceSubrange(16..<20, with: destination.bytes)
    (bytes[20], bytes[21]) = (UInt8(sourcePort >> 8), UInt8(sourcePort & 0xff))
    (bytes[22], bytes[23]) = (UInt8(port >> 8), UInt8(port & 0xff))
    guard let made = RejectedPacket(bytes[...]) else { preconditionFailure("a valid packet") }
    self = made
  }
}

@Suite struct ModelReachTests {
  private func check(_ body: String, granted: Set<Grant.Model.Reach> = []) throws {
    try ModelReach(granted: granted).check(try JSONMembers(Data(body.utf8)))
  }

  @Test(arguments: [
    (#"{"tools":[{"type":"web_search_20250305","name":"web_search"}]}"#, Grant.Model.Reach.web),
    (#"{"tools":[{"type":"web_search_preview"}]}"#, .web), (#"{"web_search_options":{}}"#, .web),
    (#"{"tools":[{"type":"mcp","server_url":"https://evil.example"}]}"#, .tools), (#"{"mcp_servers":[{"url":"https://evil"}]}"#, .tools),
    (#"{"search_parameters":{"mode":"on"}}"#, .web), (#"{"enable_search":true}"#, .web), (#"{"extra_body":{"google":{}}}"#, .tools),
    (#"{"tools":[{"google_search":{}}]}"#, .tools), (#"{"tools":[{"googleSearch":{}}]}"#, .tools),
    (#"{"tools":[{"type":"web_fetch_20250910"}]}"#, .web),
    (#"{"messages":[{"role":"user","content":[{"type":"container_upload","file_id":"f"}]}]}"#, .files),
    (#"{"tools":[{"type":"code_interpreter"}]}"#, .tools), (#"{"tools":[{"type":"code_execution_20250522"}]}"#, .tools),
    (#"{"messages":[{"role":"user","content":[{"type":"image_url","image_url":{"url":"https://evil/x"}}]}]}"#, .urls),
    (#"{"messages":[{"role":"user","content":[{"type":"image_url","\u0069mage_url":{"url":"https://evil/x"}}]}]}"#, .urls),
    (#"{"input":[{"role":"user","content":[{"type":"input_image","image_url":"https://evil/x"}]}]}"#, .urls),
    (#"{"input":[{"role":"user","content":[{"type":"input_file","file_url":"https://evil/x"}]}]}"#, .urls),
    (#"{"messages":[{"role":"user","content":[{"type":"image","source":{"type":"url","url":"https://evil/x"}}]}]}"#, .urls),
    (#"{"messages":[{"role":"user","content":[{"type":"document","source":{"type":"file","file_id":"f"}}]}]}"#, .files),
  ])
  func refusesWhatReachesOut(body: String, reach: Grant.Model.Reach) throws {
    let error = try #require(throws: RookeryError.self) { try check(body) }
    #expect(error.code == .forbidden && error.mend.contains(reach.rawValue))
    try check(body, granted: [reach])
  }

  @Test(arguments: [
    #"{"messages":[{"role":"user","content":"see https://example.org"}],"tools":[{"type":"function","function":{"name":"f","parameters":{"image_url":{"type":"string"}}}}]}"#,
    #"{"messages":[{"role":"assistant","content":[{"type":"tool_use","id":"1","name":"f","input":{"image_url":"https://x","file_id":"y"}}]}]}"#,
    #"{"messages":[{"role":"user","content":[{"type":"image_url","image_url":{"url":"data:image/png;base64,AA=="}}]}]}"#,
    #"{"messages":[{"role":"user","content":[{"type":"image","source":{"type":"base64","data":"AA=="}}]}]}"#,
    #"{"tools":[{"name":"bash","input_schema":{}},{"type":"bash_20250124","name":"bash"},{"type":"custom","name":"x"}],"tool_choice":null}"#,
    #"{"messages":[],"mcp_servers":null,"background":false}"#,
    #"{"messages":[{"role":"user","content":[{"type":"search_result","source":"https://example.org","title":"t","content":[]}]}]}"#,
  ])
  func letsOrdinaryRequestsPass(body: String) throws { try check(body) }

  @Test(arguments: [
    #"{"input":[],"background":true}"#, #"{"messages":[],"messages":[]}"#, #"{"tools":[{"type":"function","type":"mcp"}]}"#,
    #"{"models":["other"]}"#,
    #"{"messages":[{"image_url":"data:,","image_url":"https://evil"}]}"#, #"{"tools":["web_search"]}"#,
  ])
  func refusesWhatCouldBeReadInTwoWays(body: String) throws {
    let error = try #require(throws: RookeryError.self) { try check(body) }
    #expect(error.code == .badRequest)
  }
}
