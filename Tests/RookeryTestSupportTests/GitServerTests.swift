import Foundation
import RookeryRehearsal
import RookeryTestSupport
import Testing

@Suite struct GitServerTests {
  @Test func servesARealRepository() async throws {
    let server = try await GitServer.start()
    try await server.makeRepository("one", files: ["a/b.txt": "hello\n"])
    let work = try TemporaryDirectory()
    try await Command.git(["clone", "--quiet", server.url(for: "one"), work.path("clone")])
    #expect(try work.read("clone/a/b.txt") == "hello\n")
    try work.write("more\n", to: "clone/c.txt")
    try await Command.git(["add", "--all"], in: work.path("clone"))
    try await Command.git(["commit", "--quiet", "-m", "More"], in: work.path("clone"))
    try await Command.git(["push", "--quiet", "origin", "HEAD:refs/heads/topic"], in: work.path("clone"))
    #expect(try await server.log(of: "one", ref: "topic").map(\.subject) == ["More", "Add the files", "Start"])
    #expect(try await server.show("one", ref: "topic", path: "c.txt") == "more\n")
    #expect(try await server.refs(of: "one").keys.sorted() == ["refs/heads/main", "refs/heads/topic"])
    #expect(server.received.contains { $0.header("git-protocol") == "version=2" })
    await server.stop()
  }

  @Test(arguments: [GitHTTPBackend.Credential.Scope.everything, .push])
  func asksForTheCredential(scope: GitHTTPBackend.Credential.Scope) async throws {
    let server = try await GitServer.start(credential: .init(user: "robot", password: "s3cret", scope: scope))
    try await server.makeRepository("one")
    let anonymous = try await Command.run(["git", "ls-remote", server.url(for: "one")])
    #expect((anonymous.status == 0) == (scope == .push))
    let known = "http://robot:s3cret@\(server.authority)/one.git"
    #expect(try await Command.git(["ls-remote", known]).contains("refs/heads/main"))
    let work = try TemporaryDirectory()
    try await Command.git(["clone", "--quiet", known, work.path("clone")])
    let refused = try await Command.run(["git", "push", server.url(for: "one"), "HEAD:topic"], in: work.path("clone"))
    #expect(refused.status != 0)
    try await Command.git(["push", "--quiet", known, "HEAD:topic"], in: work.path("clone"))
    await server.stop()
  }

  @Test func faults() async throws {
    let server = try await GitServer.start()
    try await server.makeRepository("one")
    server.fail(.respond(status: 500))
    #expect(try await Command.run(["git", "ls-remote", server.url(for: "one")]).errorOutput.contains("500"))
    server.fail(.hang)
    await #expect(throws: DeadlinePassed.self) {
      try await Command.run(["git", "ls-remote", server.url(for: "one")], timeout: .seconds(1))
    }
    server.fail(nil)
    #expect(try await Command.git(["ls-remote", server.url(for: "one")]).contains("refs/heads/main"))
    await server.stop()
    #expect(try await Command.run(["git", "ls-remote", server.url(for: "one")]).status != 0)
  }
}
