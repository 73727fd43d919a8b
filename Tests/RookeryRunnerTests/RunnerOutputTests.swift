import Foundation
import Glibc
import RookeryModel
import RookeryRunnerClient
import Testing

@Suite("Durable output of the real runner", .serialized, .timeLimit(.minutes(10)))
struct RunnerOutputTests {
  private static let flood = 100_000_000

  @Test func aSlowReaderOfAFloodCostsNoMemory() async throws {
    try await withRunner { runner, connection in
      let spec = try ProcessSpec.shell(Pattern.script(Self.flood))
      try await connection.start(spec)
      var reached: UInt64 = 0
      var acknowledged: UInt64 = 0
      var largest = 0
      var exit: ProcessExit?
      for try await event in connection.output(of: spec.id, from: StreamOffsets(), window: 1 << 20) {
        guard case .output(.stdout, let offset, let bytes) = event else {
          if case .exited(let status) = event { exit = status }
          continue
        }
        if reached == 0 {
          // The reader stands still until the process has written everything.
          try await eventually("all is journaled") { runner.disk("p.1").size == Self.flood }
          #expect(runner.residentKB < 30_000)
        }
        #expect(offset == reached)
        guard Pattern.matches(bytes, at: offset) else {
          Issue.record("wrong bytes at \(offset)")
          return
        }
        reached += UInt64(bytes.count)
        if reached - acknowledged >= 1 << 19 {
          acknowledged = reached
          try await connection.acknowledge(spec.id, StreamOffsets(stdout: reached))
          largest = max(largest, runner.residentKB)
        }
      }
      #expect(reached == UInt64(Self.flood))
      #expect(exit == .code(0))
      #expect(largest > 0 && largest < 30_000, "resident: \(largest) kB")
      try await connection.acknowledge(spec.id, StreamOffsets(stdout: reached))
      #expect(runner.disk("p.1").used == 0)
      #expect(runner.disk("p.1").size == Self.flood)
    }
  }

  @Test func aReaderThatComesBackFindsEveryByte() async throws {
    try await withRunner { runner, _ in
      let total: UInt64 = 20_000_000
      let spec = try ProcessSpec.shell(Pattern.script(Int(total)))
      let starter = try await runner.connect()
      try await starter.start(spec)
      var reached: UInt64 = 0
      var exit: ProcessExit?
      var connections = 0
      while exit == nil {
        connections += 1
        let connection = try await runner.connect()
        let until = reached + UInt64.random(in: 1...3_000_000)
        // Somewhere inside what was received, as if the rest had not been stored.
        for try await event in connection.output(of: spec.id, from: StreamOffsets(stdout: reached), window: 1 << 18) {
          switch event {
          case .output(_, let offset, let bytes):
            #expect(offset == reached)
            #expect(Pattern.matches(bytes, at: offset))
            reached += UInt64.random(in: 1...UInt64(bytes.count))
            try await connection.acknowledge(spec.id, StreamOffsets(stdout: reached))
            if reached < offset + UInt64(bytes.count) || reached > until { break }
            continue
          case .exited(let status): exit = status
          }
          break
        }
        await connection.close()
      }
      #expect(reached == total)
      #expect(exit == .code(0))
      #expect(connections > 5)
    }
  }

  @Test func acknowledgedOutputLeavesTheDisk() async throws {
    try await withRunner { runner, connection in
      let size = 4 << 20
      let result = try await connection.run(.shell(Pattern.script(size)))
      #expect(result.stdout.count == size)
      let before = runner.disk("p.1").used
      #expect(before >= size)
      try await connection.acknowledge(ProcessID("p"), StreamOffsets(stdout: UInt64(size / 2) + 100))
      let after = runner.disk("p.1").used
      #expect(after <= before - size / 2 + 8192)
      let rest = try await connection.collect(ProcessID("p"), from: StreamOffsets(stdout: UInt64(size / 2) + 100))
      #expect(rest.stdout == Array(result.stdout[(size / 2 + 100)...]))
      let gone = await #expect(throws: RookeryError.self) { try await connection.collect(ProcessID("p")) }
      #expect(gone?.code == .conflict)
      let beyond = await #expect(throws: RookeryError.self) {
        try await connection.collect(ProcessID("p"), from: StreamOffsets(stdout: UInt64.max))
      }
      #expect(beyond?.code == .conflict)
      // Acknowledging what was never written acknowledges what was.
      try await connection.acknowledge(ProcessID("p"), StreamOffsets(stdout: UInt64.max, stderr: UInt64.max))
      #expect(runner.disk("p.1").used == 0)
    }
  }

  @Test func aFullJournalHoldsProcessesUpAndDropsNothing() async throws {
    try await withRunner(journalLimit: 1 << 20) { runner, connection in
      try await expectHeldUp(runner, connection, limit: 1 << 20)
    }
  }

  @Test(.enabled(if: geteuid() == 0)) func aFullDiskHoldsProcessesUpAndDropsNothing() async throws {
    try await withRunner(in: .smallDisk) { runner, connection in try await expectHeldUp(runner, connection, limit: 256 << 20) }
  }

  /// Runs something that writes eight times what the journal holds; only acknowledgements let it go on.
  private func expectHeldUp(_ runner: RunnerFixture, _ connection: RunnerConnection, limit: UInt64) async throws {
    let total = 8 << 20
    let spec = try ProcessSpec.shell(Pattern.script(total) + "; echo end >&2")
    let notices = connection.journalNotices()
    try await connection.start(spec)
    for await notice in notices where notice.isFull {
      #expect(notice.limit == limit)
      #expect(notice.used <= notice.limit)
      break
    }
    // A process that writes waits; others work as before.
    #expect(try await connection.processes().first?.exited == nil)
    #expect(runner.disk("p.1").used <= 1 << 20)
    var reached = StreamOffsets()
    var isRight = true
    var exit: ProcessExit?
    for try await event in connection.output(of: spec.id, from: reached, window: 1 << 18) {
      switch event {
      case .output(let stream, let offset, let bytes):
        #expect(offset == reached[stream])
        if stream == .stdout { isRight = isRight && Pattern.matches(bytes, at: offset) }
        reached[stream] += UInt64(bytes.count)
        try await connection.acknowledge(spec.id, reached)
        #expect(runner.disk("p.1").used <= 1 << 20)
      case .exited(let status): exit = status
      }
    }
    #expect(isRight)
    #expect(reached == StreamOffsets(stdout: UInt64(total), stderr: 4))
    #expect(exit == .code(0))
  }

  @Test func twoConnectionsFollowTheSameProcess() async throws {
    try await withRunner { runner, first in
      let size = 2 << 20
      let spec = try ProcessSpec.shell(Pattern.script(size))
      let second = try await runner.connect()
      async let left = first.collect(spec.id, window: 4 << 20)
      async let right = second.collect(spec.id, window: 4 << 20)
      try await first.start(spec)
      let both = try await (left, right)
      #expect(both.0.stdout.count == size)
      #expect(both.0.stdout == both.1.stdout)
      #expect(both.1.exit == .code(0))
    }
  }

  @Test func anotherClientsAcknowledgementsDoNotFloodAReader() async throws {
    try await withRunner { runner, slow in
      let size = 8 << 20
      let spec = try ProcessSpec.shell(Pattern.script(size))
      var stream = slow.output(of: spec.id, from: StreamOffsets(), window: 1 << 16).makeAsyncIterator()
      try await slow.start(spec)
      guard case .output(_, 0, let bytes) = try await stream.next() else {
        Issue.record("no output")
        return
      }
      // The other one stores everything; the slow reader learns that the rest is gone, or had it already.
      let fast = try await runner.connect()
      #expect(try await fast.collect(spec.id, window: 16 << 20).stdout.count == size)
      try await fast.acknowledge(spec.id, StreamOffsets(stdout: UInt64(size)))
      var reached = UInt64(bytes.count)
      let error = await #expect(throws: RookeryError.self) {
        while let event = try await stream.next() {
          if case .output(_, let offset, let bytes) = event {
            #expect(offset == reached)
            reached += UInt64(bytes.count)
          }
        }
      }
      #expect(error?.code == .conflict)
      #expect(reached < 1 << 18)
    }
  }

  @Test func whatADeadRunnerLeftIsStillServed() async throws {
    let dead = try RunnerFixture()
    defer { dead.remove() }
    let connection = try await dead.connect()
    #expect(try await connection.run(.shell("echo whole; exit 5", id: "a")).exit == .code(5))
    let size = 1 << 20
    let unfinished = try ProcessSpec.shell(Pattern.script(size) + "; echo $$ >&2; sleep 1000", id: "b")
    try await connection.start(unfinished)
    var group: pid_t?
    for try await case .output(.stderr, _, let bytes) in connection.output(of: unfinished.id, from: StreamOffsets(), window: 1 << 24) {
      group = pid_t(String(decoding: bytes, as: UTF8.self).dropLast())
      break
    }
    try await connection.acknowledge(unfinished.id, StreamOffsets(stdout: UInt64(size / 2)))
    await dead.end(SIGKILL)
    if let group { kill(-group, SIGKILL) }
    let heir = try RunnerFixture(directory: dead.directory)
    do {
      let again = try await heir.connect()
      let whole = try await again.collect(ProcessID("a"))
      #expect(whole.text == "whole\n")
      #expect(whole.exit == .code(5))
      let rest = try await again.collect(unfinished.id, from: StreamOffsets(stdout: UInt64(size / 2)))
      #expect(rest.stdout.count == size / 2)
      #expect(Pattern.matches(rest.stdout, at: UInt64(size / 2)))
      #expect(rest.exit == .signal(SIGKILL))
      // Its id was used, so nothing starts.
      try await again.start(unfinished)
      #expect(try await again.processes().allSatisfy { $0.exited != nil })
    } catch {
      await heir.end()
      throw error
    }
    await heir.end()
  }
}
