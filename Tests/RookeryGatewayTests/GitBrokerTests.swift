import Foundation
import RookeryGateway
import RookeryModel
import RookeryRehearsal
import RookeryTestSupport
import Testing

/// A real git client on one side of the broker, a real git server on the other.
@Suite struct GitBrokerTests {
  static let branch = "refs/heads/rookery/s1"
  static let credential = GitHTTPBackend.Credential(user: "x-access-token", password: "t0ken-that-nobody-sees")

  /// A server with a credential, a gateway that was granted `one` with `branch` and `two` read-only, and a clone of `one`.
  private func withClone(
    _ body: @escaping @Sendable (GitServer, GatewayFixture, TemporaryDirectory, String) async throws -> Void
  ) async throws {
    let server = try await GitServer.start(credential: Self.credential)
    try await server.makeRepository("one", files: ["a.txt": "a\n"])
    try await server.makeRepository("two")
    try await server.makeRepository("three")
    let gateway = try await GatewayFixture.start()
    try await gateway.grant(server, ["one": Self.branch, "two": nil])
    let work = try TemporaryDirectory()
    let answer: @Sendable (CredentialQuestion) -> CredentialAnswer = { _ in
      .basic(user: Self.credential.user, password: Secret(Self.credential.password))
    }
    try await gateway.answering(answer) {
      let clone = work.path("clone")
      try await Command.git(["clone", "--quiet", gateway.gitURL("one"), clone])
      try await body(server, gateway, work, clone)
    }
    try await gateway.stop()
    await server.stop()
  }

  private func commit(_ text: String, in clone: String) async throws {
    try Data("\(text)\n".utf8).write(to: URL(fileURLWithPath: "\(clone)/\(text).txt"))
    try await Command.git(["add", "--all"], in: clone)
    try await Command.git(["commit", "--quiet", "-m", text], in: clone)
  }

  @Test func clonesFetchesAndPushesTheGrantedBranch() async throws {
    try await withClone { server, _, work, clone in
      #expect(try work.read("clone/a.txt") == "a\n")
      try await commit("first", in: clone)
      try await Command.git(["push", "--quiet", "origin", "HEAD:\(Self.branch)"], in: clone)
      try await commit("second", in: clone)
      try await Command.git(["push", "--quiet", "--force", "origin", "HEAD:\(Self.branch)"], in: clone)
      #expect(try await server.log(of: "one", ref: Self.branch).map(\.subject) == ["second", "first", "Add the files", "Start"])
      try await server.git("one", ["update-ref", "refs/heads/elsewhere", Self.branch])
      try await Command.git(["fetch", "--quiet", "origin"], in: clone)
      #expect(
        try await Command.git(["rev-parse", "origin/elsewhere"], in: clone).contains(try await server.refs(of: "one")[Self.branch] ?? "?"))
      #expect(server.received.contains { $0.header("git-protocol") == "version=2" })
    }
  }

  @Test func refusesOtherRefs() async throws {
    try await withClone { server, _, _, clone in
      try await server.git("one", ["update-ref", Self.branch, "main"])
      try await Command.git(["fetch", "--quiet", "origin"], in: clone)
      try await commit("work", in: clone)
      for arguments in [
        ["HEAD:refs/heads/main"], ["HEAD:refs/tags/v1"], ["--delete", "main"], ["HEAD:\(Self.branch)", "HEAD:refs/heads/main"],
        ["HEAD:refs/heads/rookery/s1x"], ["HEAD:refs/heads/ROOKERY/s1"], ["--delete", "rookery/s1"], ["--mirror"],
        ["HEAD:refs/notes/x"], ["HEAD:refs/replace/x"], ["HEAD:refs/heads/rookery/s1/sub"],
      ] {
        if arguments == ["HEAD:refs/heads/rookery/s1/sub"] { try await server.git("one", ["update-ref", "-d", Self.branch]) }
        let before = try await server.refs(of: "one")
        let options = arguments.filter { $0.hasPrefix("--") }
        let refs = arguments.filter { !$0.hasPrefix("--") }
        let result = try await Command.run(["git", "push"] + options + ["origin"] + refs, in: clone)
        #expect(result.status != 0 && result.errorOutput.contains("[remote rejected]"), "\(arguments): \(result.text)")
        #expect(try await server.refs(of: "one") == before, "\(arguments)")
      }
      #expect(!server.received.contains { $0.method == "POST" && $0.path.hasSuffix("/git-receive-pack") })
    }
  }

  @Test func saysWhichRefMayBePushed() async throws {
    try await withClone { _, _, _, clone in
      try await commit("work", in: clone)
      let result = try await Command.run(["git", "push", "origin", "HEAD:main"], in: clone)
      #expect(result.errorOutput.contains("! [remote rejected] HEAD -> main (only rookery/s1 may be pushed)"), "\(result.text)")
      let options = try await Command.run(["git", "push", "-o", "x=y", "origin", "HEAD:\(Self.branch)"], in: clone)
      #expect(options.status != 0)
      let signed = try await Command.run(["git", "push", "--signed=true", "origin", "HEAD:\(Self.branch)"], in: clone)
      #expect(signed.status != 0)
    }
  }

  @Test func refusesOtherRepositories() async throws {
    try await withClone { server, gateway, _, clone in
      let unknown = try await Command.run(["git", "ls-remote", gateway.gitURL("three")])
      #expect(unknown.status != 0 && unknown.errorOutput.contains("no access to “three”"), "\(unknown.text)")
      let readOnly = try await Command.run(["git", "push", gateway.gitURL("two"), "HEAD:\(Self.branch)"], in: clone)
      #expect(readOnly.status != 0 && readOnly.errorOutput.contains("may only be read"), "\(readOnly.text)")
      #expect(try await Command.git(["ls-remote", gateway.gitURL("two")]).contains("refs/heads/main"))
      #expect(!server.received.contains { $0.path.contains("three") })
    }
  }

  @Test func stripsWhatTheSandboxSends() async throws {
    try await withClone { server, gateway, _, _ in
      let url = "http://mallory:own@127.0.0.1:\(gateway.gitPort)/one.git"
      let headers = ["-c", "http.extraHeader=Authorization: Basic bWFsbG9yeQ==", "-c", "http.extraHeader=Cookie: a=b"]
      try await Command.git(headers + ["-c", "http.extraHeader=X-Forwarded-For: 1.2.3.4", "ls-remote", url])
      let expected = "Basic " + Data("x-access-token:t0ken-that-nobody-sees".utf8).base64EncodedString()
      for request in server.received {
        #expect(request.headers.filter { $0.name == "authorization" }.map(\.value) == [expected])
        #expect(request.header("cookie") == nil && request.header("x-forwarded-for") == nil)
      }
    }
  }

  @Test func pushesFromAShallowClone() async throws {
    try await withClone { server, gateway, work, _ in
      let shallow = work.path("shallow")
      try await Command.git(["clone", "--quiet", "--depth=1", gateway.gitURL("one"), shallow])
      try await commit("work", in: shallow)
      try await Command.git(["push", "--quiet", "origin", "HEAD:\(Self.branch)"], in: shallow)
      #expect(try await server.log(of: "one", ref: Self.branch).map(\.subject) == ["work", "Add the files", "Start"])
    }
  }

  @Test func fetchesFromManyRefs() async throws {
    try await withClone { server, _, _, clone in
      // So many that git compresses its list of what it wants and has.
      let main = try #require(try await server.refs(of: "one")["refs/heads/main"])
      let tree = try await server.git("one", ["rev-parse", "main^{tree}"]).trimmingCharacters(in: .whitespacesAndNewlines)
      var updates = ""
      for number in 1...300 {
        let commit = try await server.git("one", ["commit-tree", "-p", main, "-m", "c\(number)", tree])
        updates += "create refs/heads/many/\(number) \(commit)"
      }
      try await Command.git(["-C", server.path(of: "one"), "update-ref", "--stdin"], input: Array(updates.utf8))
      try await Command.git(["fetch", "--quiet", "origin"], in: clone)
      #expect(server.received.contains { $0.header("content-encoding") == "gzip" })
      #expect(try await Command.git(["branch", "--remotes"], in: clone).contains("origin/many/300"))
    }
  }

  @Test func wrongCredentialIsExplained() async throws {
    let server = try await GitServer.start(credential: Self.credential)
    try await server.makeRepository("one")
    let gateway = try await GatewayFixture.start()
    try await gateway.grant(server, ["one": Self.branch])
    try await gateway.answering({ _ in .basic(user: "x", password: Secret("stale")) }) {
      let result = try await Command.run(["git", "ls-remote", gateway.gitURL("one")])
      #expect(result.status != 0 && result.errorOutput.contains("refused the credential"), "\(result.text)")
      #expect(!result.errorOutput.contains("stale"))
    }
    try await gateway.answering({ _ in .refused(RookeryError(.forbidden, "No token is configured.", mend: "Set git_token_env.")) }) {
      let result = try await Command.run(["git", "ls-remote", gateway.gitURL("one")])
      #expect(result.status != 0 && result.errorOutput.contains("No token is configured. Set git_token_env."), "\(result.text)")
    }
    try await gateway.stop()
    await server.stop()
  }
}
