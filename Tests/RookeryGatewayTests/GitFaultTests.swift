import Foundation
import RookeryGateway
import RookeryModel
import RookeryTestSupport
import Testing

/// What people see of git when something else fails.
@Suite struct GitFaultTests {
  static let branch = "refs/heads/rookery/s1"

  private func withGateway(
    _ adjust: (inout GatewaySettings) -> Void = { _ in }, _ body: (GitServer, GatewayFixture) async throws -> Void
  ) async throws {
    let server = try await GitServer.start()
    try await server.makeRepository("one")
    let gateway = try await GatewayFixture.start(adjust)
    try await gateway.grant(server, ["one": Self.branch])
    try await body(server, gateway)
    try await gateway.stop()
    await server.stop()
  }

  private func expectRefusal(_ gateway: GatewayFixture, _ text: String, at location: SourceLocation = #_sourceLocation) async throws {
    let result = try await Command.run(["git", "ls-remote", gateway.gitURL("one")])
    #expect(result.status != 0 && result.errorOutput.contains(text), "\(result.text)", sourceLocation: location)
  }

  private func expectListing(_ gateway: GatewayFixture, at location: SourceLocation = #_sourceLocation) async throws {
    let result = try await Command.run(["git", "ls-remote", gateway.gitURL("one")])
    #expect(result.status == 0 && result.output.contains("refs/heads/main"), "\(result.text)", sourceLocation: location)
  }

  @Test func remoteFailures() async throws {
    try await withGateway { server, gateway in
      try await gateway.answering {
        server.fail(.respond(status: 500))
        try await expectRefusal(gateway, "answered 500")
        server.fail(.respond(status: 404))
        try await expectRefusal(gateway, "has no repository “one”")
        server.fail(.respond(status: 200, body: "<html>Log in</html>"))
        try await expectRefusal(gateway, "does not speak git's smart HTTP protocol")
        let before = server.received.count
        server.fail(.redirect(to: server.url(for: "one") + "/info/refs?service=git-upload-pack"))
        try await expectRefusal(gateway, "redirects")
        #expect(server.received.count == before + 1)
        await server.stop()
        try await expectRefusal(gateway, "cannot be reached: connection refused")
      }
    }
  }

  @Test func aRemoteThatHangsIsGivenUp() async throws {
    try await withGateway({ $0.bounds.gitTimeouts = .init(connect: .seconds(5), silence: .seconds(1), head: .seconds(2)) }) {
      server, gateway in
      server.fail(.hang)
      try await gateway.answering { try await expectRefusal(gateway, "did not answer in time") }
    }
  }

  @Test func aPushThatFailsSaysWhy() async throws {
    try await withGateway { server, gateway in
      let work = try TemporaryDirectory()
      let clone = work.path("clone")
      try await gateway.answering {
        try await Command.git(["clone", "--quiet", gateway.gitURL("one"), clone])
        // The remote fails only when the pack arrives.
        try await Command.git(["-C", server.path(of: "one"), "config", "http.receivepack", "true"])
        let hook = "\(server.path(of: "one"))/hooks/pre-receive"
        try Data("#!/bin/sh\necho no entry >&2\nexit 1\n".utf8).write(to: URL(fileURLWithPath: hook))
        try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: hook)
        let declined = try await Command.run(["git", "push", "origin", "HEAD:\(Self.branch)"], in: clone)
        #expect(declined.errorOutput.contains("no entry") && declined.errorOutput.contains("pre-receive hook declined"))
        try FileManager.default.removeItem(atPath: hook)
      }
      let answers: @Sendable (CredentialQuestion) -> CredentialAnswer = { question in
        question.push ? .refused(RookeryError(.forbidden, "No more pushes today.")) : .anonymous
      }
      try await gateway.answering(answers) {
        let refused = try await Command.run(["git", "push", "origin", "HEAD:\(Self.branch)"], in: clone)
        #expect(refused.status != 0 && refused.errorOutput.contains("No more pushes today."), "\(refused.text)")
      }
      #expect(try await server.refs(of: "one").keys.sorted() == ["refs/heads/main"])
    }
  }

  @Test func questionsThatNobodyAnswersAreBounded() async throws {
    try await withGateway({ $0.bounds.credential = .seconds(1) }) { server, gateway in
      let clock = ContinuousClock.now
      try await expectRefusal(gateway, "did not answer within 1 s")
      #expect(ContinuousClock.now - clock < .seconds(20))
      #expect(server.received.isEmpty)
    }
  }

  @Test func unansweredQuestionsAreAskedAgain() async throws {
    try await withGateway({ $0.bounds.redelivery = .milliseconds(200) }) { server, gateway in
      let (listed, isListed) = AsyncStream<Void>.makeStream()
      try await withThrowingTaskGroup(of: Void.self) { group in
        group.addTask {
          defer { isListed.finish() }
          try await expectListing(gateway)
        }
        // The first reader dies with the question in its hands.
        guard case .questions(let first) = try await gateway.call(.nextQuestions(wait: 30)) else { throw CancellationError() }
        #expect(first.map(\.repository.rawValue) == ["one"] && first.map(\.push) == [false] && first.map(\.sandbox) == [gateway.sandbox])
        try await gateway.answering { for await _ in listed {} }
        try await group.waitForAll()
      }
    }
  }

  @Test func grantsEnd() async throws {
    try await withGateway { server, gateway in
      let git = [Grant.Git(name: try RepositoryName("one"), url: server.url(for: "one"), pushRef: nil)]
      try await gateway.grant(git: git, privateHosts: [server.authority], expires: Date(timeIntervalSinceNow: 3))
      try await gateway.answering {
        try await expectListing(gateway)
        try await eventually { try await Command.run(["git", "ls-remote", gateway.gitURL("one")]).errorOutput.contains("its grant ended") }
        try await gateway.grant(server, ["one": nil])
        try await expectListing(gateway)
        try await gateway.call(.revoke(gateway.sandbox))
        try await expectRefusal(gateway, "no access at the moment")
      }
    }
  }

  @Test func privateAddressesNeedTheOperatorsWord() async throws {
    try await withGateway { server, gateway in
      for url in [
        server.url(for: "one"), "http://localhost:\(server.port)/one.git", "http://[::1]:\(server.port)/one.git",
        "http://0x7f.1:\(server.port)/one.git",
      ] {
        let git = [Grant.Git(name: try RepositoryName("one"), url: url, pushRef: nil)]
        try await gateway.grant(git: git, privateHosts: ["127.0.0.1:1", "127.0.0.1", "*"])
        try await gateway.answering { try await expectRefusal(gateway, "not public (loopback)") }
      }
      #expect(server.received.isEmpty)
      let named = [Grant.Git(name: try RepositoryName("one"), url: "http://LOCALHOST:\(server.port)/one.git/", pushRef: nil)]
      try await gateway.grant(git: named, privateHosts: ["localhost:\(server.port)"])
      try await gateway.answering {
        try await expectListing(gateway)
      }
      #expect(server.received.allSatisfy { $0.header("host") == "localhost:\(server.port)" })
    }
  }

  @Test(arguments: [
    "file:///etc", "ssh://git@x/y", "https://user:pass@example.org/x", "http://example.org/a?b=c", "http://example.org/../x",
  ])
  func badGrantsAreRefused(url: String) async throws {
    let gateway = try await GatewayFixture.start()
    let error = try await #require(throws: RookeryError.self) {
      try await gateway.grant(git: [Grant.Git(name: try RepositoryName("one"), url: url, pushRef: nil)])
    }
    #expect(error.code == .badRequest && !error.description.contains("pass"))
    for ref in ["refs/tags/x", "refs/heads/", "refs/heads/a..b", "refs/heads/a b", "refs/heads/x.lock", "main", "refs/heads/*"] {
      await #expect(throws: RookeryError.self) {
        try await gateway.grant(git: [Grant.Git(name: try RepositoryName("one"), url: "http://example.org/x", pushRef: ref)])
      }
    }
    try await gateway.stop()
  }
}
