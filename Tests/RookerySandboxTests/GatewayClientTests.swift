import Foundation
import RookeryModel
import RookeryTestSupport
import Testing

@testable import RookerySandbox

@Suite(.serialized) struct GatewayClientTests {
  /// The gateway keeps grants in memory: a sandbox goes on reaching its repository after the gateway restarted.
  @Test func grantsOutliveTheGateway() async throws {
    try await SandboxStack.with { stack in
      try await stack.git.makeRepository("app")
      // Its credential is told for the repository that is known by that name.
      _ = try await stack.add()
      let sandbox = try await stack.provider.create(
        CreateSandbox(id: .random(prefix: "t-"), source: .base(SandboxStack.base), limits: Limits(memoryMB: 512), bundles: []))
      let git = Grant.Git(name: stack.name, url: stack.git.url(for: "app"), pushRef: nil)
      func reaches() async throws -> Bool {
        let url = "\(Broker.git.origin)/\(stack.name).git"
        return try await sandbox.run(
          ProcessSpec(
            id: .random(prefix: "p-"), argv: ["git", "ls-remote", url, "HEAD"], environment: BuildShell.environment(of: .agent),
            directory: "/", account: .agent)
        ).exit.succeeded
      }
      #expect(try await !reaches(), "nothing is granted yet")
      try await stack.gateway.grant(
        Grant(
          sandbox: sandbox.id, expires: Date().addingTimeInterval(300), git: [git], model: nil, privateHosts: [stack.git.authority]))
      #expect(try await reaches())
      try await stack.restartGateway()
      try await eventually(timeout: .seconds(60), "the grant is told again") { try await reaches() }
      try await stack.gateway.revoke(sandbox.id)
      #expect(try await !reaches())
      try await stack.restartGateway()
      try await eventually { await stack.gateway.isReady() }
      #expect(try await !reaches(), "a revoked grant is not told again")
      try await stack.provider.terminate(sandbox.id, keep: nil)
    }
  }
}
