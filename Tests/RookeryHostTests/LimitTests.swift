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

    @Test func tooMuchInPlainDirectoriesEndsTheSandboxAndIsAnEvent() async throws {
      try await HostFixture.with(.directories) { host in
        let sandbox = try await host.create(limits: Limits(memoryMB: 256, cpus: 1, processes: 64, diskMB: 20))
        _ = try await sandbox.run("cd /workspace && for i in 1 2 3; do head -c 10000000 /dev/zero > $i; done")
        let limit = try await host.event { if case .limitHit = $0.kind { $0.sandbox == sandbox.id } else { false } }
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

    @Test func theKernelRefusesMoreThanTheDiskThatWasGranted() async throws {
      try await HostFixture.with(.volume) { host in
        let sandbox = try await host.create(limits: Limits(memoryMB: 256, cpus: 1, processes: 64, diskMB: 64))
        let bystander = try await host.create()
        // Faster than any look at it from outside.
        let write = "head -c 200M /dev/zero > big; echo code $?; stat -c %s big"
        let output = try await sandbox.run(write)
        #expect(output.text.contains("Disk quota exceeded") && output.text.contains("code 1"), "\(output.text)")
        let size = try #require(Int(output.text.split(separator: "\n").last ?? ""))
        #expect(size <= 64 << 20 && size > 48 << 20)
        let event = try await host.event { if case .limitHit = $0.kind { $0.sandbox == sandbox.id } else { false } }
        guard case .limitHit(.disk, let detail) = event.kind else {
          Issue.record("\(event)")
          return
        }
        #expect(detail.contains("64 MiB"))
        // It lives, has room again once it removes something, and nobody else notices.
        #expect(try await sandbox.run("rm big; sync; echo small > file; cat file").text.hasSuffix("small"))
        #expect(try await bystander.run("head -c 100M /dev/zero > big; echo code $?").text == "code 0")
      }
    }

    @Test(arguments: [StorageKind.directories, .volume]) func tooManyFilesEndTheSandboxAndAreAnEvent(_ storage: StorageKind) async throws {
      try await HostFixture.with(storage) { host in
        let limits = Limits(memoryMB: 256, cpus: 1, processes: 64, diskMB: 512, inodes: 300)
        let sandbox = try await host.create(limits: limits)
        _ = try? await sandbox.run("i=0; while [ $i -lt 400 ]; do i=$((i+1)); : > file$i; done")
        let event = try await host.event { if case .limitHit = $0.kind { $0.sandbox == sandbox.id } else { false } }
        #expect(event.kind == .limitHit(.inodes, detail: "It made more than 300 files."))
        let end = try await host.event(after: event.seq) { $0.sandbox == sandbox.id }
        #expect(end.kind == .exited(reason: "it made more than 300 files"))
      }
    }

    @Test(arguments: [
      (0, DiskLevel.roomy, DiskLevel.roomy), (91 << 20, .roomy, .nearlyFull), (99 << 20, .roomy, .full), (99 << 20, .nearlyFull, .full),
      (95 << 20, .full, .full), (85 << 20, .full, .nearlyFull), (85 << 20, .roomy, .roomy), (85 << 20, .nearlyFull, .nearlyFull),
      (70 << 20, .full, .roomy), (70 << 20, .nearlyFull, .roomy),
    ]) func aFullDiskIsToldOnce(_ bytes: Int, _ before: DiskLevel, _ after: DiskLevel) {
      #expect(DiskLevel(bytes: bytes, limitMB: 100, before: before) == after)
    }

    @Test func theEndIsAnnounced() async throws {
      let host = try HostFixture(try await HostFixture()) { $0.runtimeWarningSeconds = 2 }
      try await host.serving {
        let sandbox = try await host.create(limits: Limits(memoryMB: 256, cpus: 1, processes: 64, runtimeSeconds: 4))
        let warning = try await host.event { $0.sandbox == sandbox.id }
        guard case .limitWarning(.runtime, let detail) = warning.kind else {
          Issue.record("\(warning)")
          return
        }
        #expect(detail.hasSuffix("s are left."))
        let limit = try await host.event(after: warning.seq) { $0.sandbox == sandbox.id }
        #expect(limit.kind == .limitHit(.runtime, detail: "4 s"))
      }
      await host.clear()
    }

    @Test func openFilesAreBoundedAndAFullTableIsAnEvent() async throws {
      try await HostFixture.with { host in
        let sandbox = try await host.create(limits: Limits(memoryMB: 256, cpus: 1, processes: 64, openFiles: 100))
        #expect(try await sandbox.run("ulimit -Sn; ulimit -Hn; ulimit -n 101 || echo held").text.hasSuffix("held"))
        let output = try await sandbox.run(
          """
          cat > greedy <<'P'
          import os, time
          held = []
          try:
              while True: held.append(os.dup(0))
          except OSError as error: print(error.strerror, flush=True)
          time.sleep(60)
          P
          setsid python3 greedy > said 2>&1 & while ! test -s said; do sleep 0.1; done; cat said
          """)
        #expect(output.text == "Too many open files")
        let event = try await host.event { $0.sandbox == sandbox.id }
        #expect(event.kind == .limitHit(.openFiles, detail: "python3 has its 100 files open."))
      }
    }

    @Test func beingHeldBackForLongIsToldOnce() {
      var gauge = ThrottleGauge()
      var told: [Int] = []
      var time = 0
      for look in 0..<200 {
        // Held back for a while, free for a moment, then for good.
        time += look == 20 ? 0 : 500_000
        if gauge.observe(time) { told.append(look) }
      }
      #expect(told == [20 + ThrottleGauge.patience])
      #expect(gauge.observe(nil) == false)
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
          "(while :; do date +%s%N > /workspace/now.new; mv /workspace/now.new /workspace/now; done) >/dev/null 2>&1 & "
            + "until [ -e /workspace/now ]; do :; done")
        #expect(try await host.ask(.freeze(sandbox.id)) == .done)
        let upper = try host.upper(of: sandbox.id)
        let before = try upper.directory("workspace")?.read("now")
        let states = try await host.list().map(\.state)
        #expect(states == [.frozen])
        try await Task.sleep(for: .milliseconds(300))
        #expect(before != nil)
        #expect(try upper.directory("workspace")?.read("now") == before)
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
        #expect(throws: Never.self) { _ = try host.upper(of: sandbox.id) }
        try await host.terminate(sandbox.id)
        #expect(try host.traces(of: sandbox.id) == [])
      }
    }
  }
}
