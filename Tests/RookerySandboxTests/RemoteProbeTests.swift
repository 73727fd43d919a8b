import Foundation
import RookeryModel
import RookeryRehearsal
import RookeryTestSupport
import Testing

@testable import RookerySandbox

@Suite struct RemoteProbeTests {
  private let name: RepositoryName

  init() throws { name = try RepositoryName("app") }

  private func probe(_ server: GitServer) -> RemoteProbe {
    RemoteProbe(policy: DestinationPolicy(privateHosts: [server.authority]))
  }

  @Test func findsTheDefaultBranchAndItsTip() async throws {
    let server = try await GitServer.start()
    try await server.makeRepository("app")
    let url = try RepositoryURL(server.url(for: "app"), for: name)
    let tip = try #require(try await server.refs(of: "app")["refs/heads/main"])
    let head = RemoteHead(branch: "main", commit: tip)
    #expect(try await probe(server).head(of: url, branch: nil, credential: .anonymous) == head)
    #expect(try await probe(server).head(of: url, branch: "main", credential: .anonymous) == head)
    let error = await #expect(throws: RookeryError.self) {
      try await probe(server).head(of: url, branch: "other", credential: .anonymous)
    }
    #expect(error?.code == .conflict)
    await server.stop()
  }

  @Test func anEmptyRepositoryIsNamedAsSuch() async throws {
    let server = try await GitServer.start()
    try await server.makeRepository("app", files: [:])
    let url = try RepositoryURL(server.url(for: "app"), for: name)
    let error = await #expect(throws: RookeryError.self) { try await probe(server).head(of: url, branch: nil, credential: .anonymous) }
    #expect(error?.code == .repositoryEmpty)
    await server.stop()
  }

  @Test func aHeadWithoutItsBranchAsksForOne() async throws {
    let server = try await GitServer.start()
    try await server.makeRepository("app")
    try await server.git("app", ["symbolic-ref", "HEAD", "refs/heads/gone"])
    let url = try RepositoryURL(server.url(for: "app"), for: name)
    let error = await #expect(throws: RookeryError.self) { try await probe(server).head(of: url, branch: nil, credential: .anonymous) }
    #expect(error?.code == .conflict)
    #expect(try await probe(server).head(of: url, branch: "main", credential: .anonymous).branch == "main")
    await server.stop()
  }

  @Test func sendsTheCredentialAndRefusesWithout() async throws {
    let server = try await GitServer.start(credential: .init(user: "robot", password: "pass word"))
    try await server.makeRepository("app")
    let url = try RepositoryURL(server.url(for: "app"), for: name)
    let good = CredentialAnswer.basic(user: "robot", password: Secret("pass word"))
    #expect(try await probe(server).head(of: url, branch: nil, credential: good).branch == "main")
    for bad in [CredentialAnswer.anonymous, .basic(user: "robot", password: Secret("wrong"))] {
      let error = await #expect(throws: RookeryError.self) { try await probe(server).head(of: url, branch: nil, credential: bad) }
      #expect(error?.code == .repositoryUnreachable)
      #expect(error?.mend.contains("git_token_env") == true)
    }
    await server.stop()
  }

  @Test(arguments: [
    GitServer.Fault.respond(status: 500), .respond(status: 404), .respond(status: 403),
    .redirect(to: "http://127.0.0.1:1/elsewhere.git"),
  ])
  func faultsAreTyped(_ fault: GitServer.Fault) async throws {
    let server = try await GitServer.start()
    try await server.makeRepository("app")
    server.fail(fault)
    let url = try RepositoryURL(server.url(for: "app"), for: name)
    let error = await #expect(throws: RookeryError.self) { try await probe(server).head(of: url, branch: nil, credential: .anonymous) }
    #expect(error?.code == .repositoryUnreachable)
    #expect(error?.mend.isEmpty == false)
    await server.stop()
  }

  /// Git takes a page for a repository of the older kind of server that has no refs: the two can't be told apart.
  @Test func aWebPageIsNoRepositoryWithCommits() async throws {
    let server = try await GitServer.start()
    server.fail(.respond(status: 200, body: "<html>"))
    let url = try RepositoryURL(server.url(for: "app"), for: name)
    let error = await #expect(throws: RookeryError.self) { try await probe(server).head(of: url, branch: nil, credential: .anonymous) }
    #expect(error?.code == .repositoryEmpty)
    #expect(error?.mend.contains("git clone") == true)
    await server.stop()
  }

  @Test func aSilentServerIsBounded() async throws {
    let server = try await GitServer.start()
    server.fail(.hang)
    let url = try RepositoryURL(server.url(for: "app"), for: name)
    let probe = RemoteProbe(policy: DestinationPolicy(privateHosts: [server.authority]), timeout: .seconds(1))
    let error = await #expect(throws: RookeryError.self) { try await probe.head(of: url, branch: nil, credential: .anonymous) }
    #expect(error?.code == .repositoryUnreachable)
    await server.stop()
  }

  @Test func anAbsentServerIsTyped() async throws {
    let url = try RepositoryURL("http://127.0.0.1:1/app.git", for: name)
    let probe = RemoteProbe(policy: DestinationPolicy(privateHosts: ["127.0.0.1:1"]))
    let error = await #expect(throws: RookeryError.self) { try await probe.head(of: url, branch: nil, credential: .anonymous) }
    #expect(error?.code == .repositoryUnreachable)
  }
}
