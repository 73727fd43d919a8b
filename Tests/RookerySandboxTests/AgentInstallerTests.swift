import Foundation
import Logging
import RookeryModel
import RookeryTestSupport
import Synchronization
import Testing

@testable import RookerySandbox

/// Agents from the package index, installed for real. Needs the network.
@Suite(.serialized) struct AgentInstallerTests {
  private func installer(_ stack: SandboxStack, _ definitions: [AgentDefinition]) -> AgentInstaller {
    AgentInstaller(
      provider: stack.provider, definitions: definitions, base: SandboxStack.base, scratch: stack.directory + "/serve/scratch",
      logger: Logger(label: "t"))
  }

  private func definition(_ name: String, python: [String], argv: [String]) throws -> AgentDefinition {
    AgentDefinition(
      name: try AgentName(name), title: name, wire: .acp, model: .openai, python: python, argv: argv, tested: true)
  }

  @Test func aSmallPackageIsInstalledOnceAndMounted() async throws {
    try await SandboxStack.with { stack in
      let agent = try definition("echo", python: ["agent-client-protocol"], argv: ["{bundle}/bin/python", "-m", "acp"])
      let shell = try definition("command", python: [], argv: ["/bin/sh"])
      let installer = installer(stack, [agent, shell])
      #expect(try await installer.list().map(\.installed) == [false, true])
      let lines = Mutex<[BuildLine]>([])
      let first = try await installer.install(agent.name) { line in lines.withLock { $0.append(line) } }
      #expect(first?.agent == agent.name)
      #expect(Set(lines.withLock { $0.map(\.step) }).isSuperset(of: ["prepare", "download", "check", "publish"]))
      #expect(try await installer.list().map(\.installed) == [true, true])
      let again = try await installer.install(agent.name) { _ in }
      let (made, found) = (try #require(first), try #require(again))
      #expect(found.digest == made.digest)
      #expect(abs(found.created.timeIntervalSince(made.created)) < 0.01, "the same is not installed twice")
      #expect(try await installer.install(shell.name) { _ in } == nil)
      #expect(try await stack.provider.list().isEmpty)
      #expect(try FileManager.default.contentsOfDirectory(atPath: stack.directory + "/serve/scratch").isEmpty)

      let seen = try await stack.inside(
        .base(SandboxStack.base), bundles: [agent.name],
        """
        cd /opt/rookery/agents/echo && bin/python -c 'import acp; print(acp.__file__)' && ls bin | grep -c pip; touch x 2>/dev/null || echo read-only
        find lib -name '*.pyc' | grep -q acp && echo compiled
        """)
      #expect(seen.output.contains("/opt/rookery/agents/echo/lib/python"), "\(seen)")
      #expect(seen.output.hasSuffix("0\nread-only\ncompiled\n"), "\(seen)")
    }
  }

  @Test func agentaoIsInstalledAndStarts() async throws {
    try await SandboxStack.with { stack in
      let agent = try definition("agentao", python: ["agentao[cli]==0.5.17"], argv: ["{bundle}/bin/agentao", "--acp", "--stdio"])
      let lines = Mutex<[BuildLine]>([])
      let elapsed = try await ContinuousClock().measure {
        _ = try await installer(stack, [agent]).install(agent.name) { line in lines.withLock { $0.append(line) } }
      }
      let started = try await stack.inside(
        .base(SandboxStack.base), bundles: [agent.name], "/opt/rookery/agents/agentao/bin/agentao --help | head -3")
      #expect(started.exit.succeeded && !started.output.isEmpty, "\(started)")
      print(
        "agentao installed in \(elapsed): \(lines.withLock { $0.filter { $0.text.hasSuffix(" s") || $0.text.contains("MiB") }.map(\.text) })"
      )
    }
  }

  @Test func whatCannotBeInstalledSaysWhy() async throws {
    try await SandboxStack.with { stack in
      let definitions = [
        try definition("absent", python: ["rookery-no-such-package-\(Int.random(in: 0..<1 << 40))"], argv: ["{bundle}/bin/x"]),
        try definition("hollow", python: ["agent-client-protocol"], argv: ["{bundle}/bin/no-such-program"]),
        try definition("sly", python: ["x @ https://example.org/x.whl"], argv: ["x"]),
      ]
      let installer = installer(stack, definitions)
      func code(_ name: String) async throws -> ErrorCode? {
        let name = try AgentName(name)
        return await #expect(throws: RookeryError.self) { try await installer.install(name) { _ in } }?.code
      }
      #expect(try await code("absent") == .unavailable)
      #expect(try await code("hollow") == .agentFailed)
      #expect(try await code("sly") == .configurationInvalid)
      #expect(try await code("unknown") == .agentUnknown)
      #expect(try await installer.list().allSatisfy { !$0.installed })
      #expect(try await stack.provider.list().isEmpty)
    }
  }
}
