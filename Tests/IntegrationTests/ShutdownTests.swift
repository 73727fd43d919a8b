import Foundation
import RookeryCommands
import RookeryModel
import RookeryTestSupport
import Testing

/// `rookery down` leaves nothing behind; what sessions did is there at the next start.
@Suite(.serialized) struct ShutdownTests {
  @Test(.timeLimit(.minutes(5))) func downLeavesNothing() async throws {
    let system = try await RunningSystem.start(RunningSystemTrait())
    let session = try await system.begin("echo kept > kept.txt")
    _ = try await system.finished(session)
    let sandbox = try #require(
      try await system.log(session).compactMap { if case .sandboxReady(let body) = $0.payload { body.sandbox } else { nil } }.first)
    let down = try await system.cli("down")
    #expect(down.status == 0, "\(down.text)")
    for process in ["up", "serve", "host", "gateway"] { #expect(try system.processes(process) == []) }
    #expect(try system.runners(of: sandbox) == [])
    #expect(try !String(contentsOfFile: "/proc/mounts", encoding: .utf8).contains(system.directory.path))
    let groups = try await Command.run(["find", "/sys/fs/cgroup", "-name", "*\(sandbox)*"])
    #expect(groups.output == "")
    await system.stop()
  }
}
