import Foundation
import RookeryCommands
import RookeryModel
import RookeryTestSupport
import Testing

/// What goes wrong says why and what to do, ends visibly, and leaves the session usable.
@Suite(.serialized, .system(repositories: ["site"])) struct BadInputTests {
  private func refused(_ body: () async throws -> Void) async -> ErrorCode? {
    await #expect(throws: RookeryError.self) { try await body() }.map(\.code)
  }

  @Test(.timeLimit(.minutes(5))) func requestsThatCannotWorkAreRefused() async throws {
    let system = try RunningSystem.get()
    for (prompt, repository, agent, code) in [
      ("true", "nowhere", "command", ErrorCode.repositoryUnknown), ("true", "site", "nobody", .agentUnknown),
      ("  \n", "site", "command", .badRequest), (String(repeating: "x", count: (1 << 20) + 1), "site", "command", .tooLarge),
    ] {
      let got = await refused { _ = try await system.begin(prompt, repository: repository, agent: agent) }
      #expect(got == code)
    }
    let name = try RepositoryName("gone")
    for (url, code) in [
      ("http://127.0.0.1:1/gone.git", ErrorCode.forbidden), (system.git.url(for: "gone"), .repositoryUnreachable),
      ("file:///etc", .badRequest), ("ssh://example.com/x.git", .badRequest), ("http://user:secret@example.com/x.git", .badRequest),
      ("http://169.254.169.254/latest", .forbidden),
    ] {
      let got = await refused {
        _ = try await system.api { try await $0.post("/v1/repositories", API.AddRepository(name: name, url: url), as: Repository.self) }
      }
      #expect(got == code || got == .repositoryUnreachable, "\(url): \(String(describing: got))")
    }
  }

  @Test(.timeLimit(.minutes(5))) func anAgentThatIsNotInstalledSaysSo() async throws {
    let system = try RunningSystem.get()
    let session = try await system.begin("hello", agent: "vibe")
    let log = try await system.finished(session)
    #expect(log.results.first?.error?.code == .agentNotInstalled)
    #expect(log.results.first?.error?.mend.contains("rookery agent install vibe") == true)
  }

  @Test(.timeLimit(.minutes(5)), arguments: [("exit 7", "exit 7"), ("kill -9 $$", "signal 9")]) func aFailingCommandEndsTheTurn(
    script: String, reason: String
  ) async throws {
    let system = try RunningSystem.get()
    let session = try await system.begin("echo partial > partial.txt; \(script)")
    let log = try await system.finished(session)
    #expect(log.results.first?.result == .failed)
    #expect(log.results.first?.stopReason == reason)
    #expect(log.kinds.contains("work.saved"))
    _ = try await system.prompt(session, "cat partial.txt")
    #expect(try await system.finished(session, turns: 2).output() == "partial\n")
  }

  @Test(.timeLimit(.minutes(5))) func aFloodIsBoundedAndSaysSo() async throws {
    let system = try RunningSystem.get()
    let session = try await system.begin("head -c 100000000 /dev/zero | tr '\\0' x | fold -w 100; echo the end")
    let log = try await system.finished(session, timeout: .seconds(200))
    #expect(log.results.first?.result == .completed)
    #expect(log.contains { if case .limitHit(let hit) = $0.payload { hit.limit == .output } else { false } })
    #expect(log.output().utf8.count < 10 << 20)
    _ = try await system.prompt(session, "echo still here")
    #expect(try await system.finished(session, turns: 2).output().hasSuffix("still here\n"))
  }

  @Test(.timeLimit(.minutes(5))) func aMemoryBombEndsInItsSandboxAloneAndIsNamed() async throws {
    let system = try RunningSystem.get()
    let neighbour = try await system.begin("sleep 4; echo unharmed")
    let session = try await system.begin("exec python3 -c 'x = bytearray(2 << 30)\nfor i in range(0, len(x), 4096): x[i] = 1'")
    let log = try await system.finished(session)
    #expect(log.results.first?.result == .failed)
    #expect(log.contains { if case .limitHit(let hit) = $0.payload { hit.limit == .memory } else { false } })
    #expect(log.results.first?.error?.code == .limitHit)
    #expect(try await system.finished(neighbour).output() == "unharmed\n")
  }

  @Test(.timeLimit(.minutes(5))) func aForkBombEndsInItsSandboxAloneAndIsNamed() async throws {
    let system = try RunningSystem.get()
    let session = try await system.begin("bomb() { bomb | bomb & }; bomb; sleep 2; echo over")
    try await eventually(timeout: .seconds(90), "the limit is named") {
      try await system.log(session).contains { if case .limitHit(let hit) = $0.payload { hit.limit == .processes } else { false } }
    }
    try await system.api { try await $0.send(.POST, "/v1/sessions/\(session)/stop") }
    _ = try await system.finished(session, timeout: .seconds(90))
  }

  @Test(.timeLimit(.minutes(5))) func aSetupThatFailsShowsItsLogAndTheOldImageServes() async throws {
    let system = try RunningSystem.get()
    let session = try await system.begin("true")
    _ = try await system.finished(session)
    try await system.git.commit(to: "site", files: [".rookery/environment.yaml": "setup: [\"echo before; exit 3\"]\n"])
    let build = try await system.cli("repo", "build", "site")
    #expect(build.status != 0)
    #expect((build.output + build.errorOutput).contains("before"))
    #expect((build.output + build.errorOutput).contains("3"))
    let after = try await system.begin("echo fine")
    #expect(try await system.finished(after).output() == "fine\n")
    try await system.git.commit(to: "site", files: [".rookery/environment.yaml": "setup: []\n"])
  }
}
