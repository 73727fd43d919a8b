import Foundation
import Glibc
import RookeryModel
import Testing

@testable import RookeryHost

extension HostTests {
  @Suite struct LimitsOfASandbox {
    @Test func aMemoryBombEndsInItsSandboxAloneAndIsAnEvent() async throws {
      try await HostFixture.with { host in
        let bomb = try await host.create(limits: Limits(memoryMB: 96, cpus: 1, processes: 128))
        let bystander = try await host.create()
        let output = try await bomb.run("python3 -c 'x = bytearray(1 << 30)'; echo code $?")
        #expect(output.text.contains("code 137") || output.text.contains("code 1") || output.code != 0, "\(output.text)")
        let event = try await host.event { if case .limitHit(.memory, _) = $0.kind { $0.sandbox == bomb.id } else { false } }
        guard case .limitHit(_, let detail) = event.kind else { return }
        #expect(detail.contains("python3") || detail == "The kernel ended a process.")
        let calm = try await bystander.run("echo alive")
        #expect(calm.text == "alive")
      }
    }

    @Test func aForkBombEndsInItsSandboxAloneAndIsAnEvent() async throws {
      try await HostFixture.with { host in
        let bomb = try await host.create(limits: Limits(memoryMB: 512, cpus: 1, processes: 40))
        let bystander = try await host.create()
        _ = try await bomb.run("for i in $(seq 200); do sleep 300 >/dev/null 2>&1 & done 2>/dev/null; echo done")
        _ = try await host.event { if case .limitHit(.processes, _) = $0.kind { $0.sandbox == bomb.id } else { false } }
        let calm = try await bystander.run("for i in $(seq 60); do sleep 0.1 & done; wait; echo alive")
        #expect(calm.text == "alive")
        try await host.terminate(bomb.id)
        #expect(try host.traces(of: bomb.id) == [])
      }
    }

    @Test func timeIsBoundedAndIsAnEvent() async throws {
      try await HostFixture.with { host in
        let sandbox = try await host.create(limits: Limits(memoryMB: 256, cpus: 1, processes: 64, runtimeSeconds: 1))
        let limit = try await host.event { $0.sandbox == sandbox.id }
        #expect(limit.kind == .limitHit(.runtime, detail: "1 s"))
        let end = try await host.event(after: limit.seq) { $0.sandbox == sandbox.id }
        guard case .exited = end.kind else {
          Issue.record("\(end)")
          return
        }
        let states = try await host.list().map(\.state)
        #expect(states == [.dead])
      }
    }

    @Test func tooMuchOnTheDiskEndsTheSandboxAndIsAnEvent() async throws {
      try await HostFixture.with { host in
        let sandbox = try await host.create(limits: Limits(memoryMB: 256, cpus: 1, processes: 64, diskMB: 20))
        _ = try await sandbox.run("cd /workspace && for i in 1 2 3; do head -c 10000000 /dev/zero > $i; done")
        let limit = try await host.event { $0.sandbox == sandbox.id }
        guard case .limitHit(.disk, let detail) = limit.kind else {
          Issue.record("\(limit)")
          return
        }
        #expect(detail.contains("MiB"))
        let end = try await host.event(after: limit.seq) { $0.sandbox == sandbox.id }
        #expect(end.kind == .exited(reason: "it wrote more than 20 MiB"))
        // What it wrote can still be kept.
        let snapshot = SnapshotID.random(prefix: "s-")
        try await host.terminate(sandbox.id, keep: snapshot)
        let next = try await host.create(.snapshot(snapshot))
        let output = try await next.run("ls /workspace")
        #expect(output.text.hasPrefix("1\n2"))
      }
    }

    @Test func processorTimeIsBounded() async throws {
      try await HostFixture.with { host in
        let sandbox = try await host.create(limits: Limits(memoryMB: 256, cpus: 0.1, processes: 64))
        let output = try await sandbox.run(
          "python3 -c 'import time; e = time.time() + 2\nwhile time.time() < e: pass\nprint(time.process_time())'")
        let used = try #require(Double(output.text.trimmingCharacters(in: .whitespacesAndNewlines)), "\(output.text)")
        #expect(used < 1)
      }
    }

    @Test func frozenProcessesStandStill() async throws {
      try await HostFixture.with { host in
        let sandbox = try await host.create()
        _ = try await sandbox.run(
          "(while :; do date +%s%N > /workspace/now.new; mv /workspace/now.new /workspace/now; done) >/dev/null 2>&1 & echo")
        #expect(try await host.ask(.freeze(sandbox.id)) == .done)
        let file = host.directory + "/host/sandboxes/\(sandbox.id)/upper/workspace/now"
        let before = try? String(contentsOfFile: file, encoding: .utf8)
        let states = try await host.list().map(\.state)
        #expect(states == [.frozen])
        try await Task.sleep(for: .milliseconds(300))
        #expect((try? String(contentsOfFile: file, encoding: .utf8)) == before)
        #expect(try await host.ask(.thaw(sandbox.id)) == .done)
        let output = try await sandbox.run("echo awake")
        #expect(output.text == "awake")
        // A frozen sandbox ends as any other.
        #expect(try await host.ask(.freeze(sandbox.id)) == .done)
        try await host.terminate(sandbox.id)
        #expect(try host.traces(of: sandbox.id) == [])
      }
    }

    @Test func theEndOfProcessOneIsAnEventAndFreesEverything() async throws {
      try await HostFixture.with { host in
        let sandbox = try await host.create()
        let pid = try #require(try host.initProcess(of: sandbox.id))
        #expect(kill(pid, SIGKILL) == 0)
        let event = try await host.event { $0.sandbox == sandbox.id }
        #expect(event.kind == .exited(reason: "signal 9"))
        let states = try await host.list().map(\.state)
        #expect(states == [.dead])
        #expect(FileManager.default.fileExists(atPath: host.directory + "/host/sandboxes/\(sandbox.id)/upper"))
        try await host.terminate(sandbox.id)
        #expect(try host.traces(of: sandbox.id) == [])
      }
    }
  }
}
