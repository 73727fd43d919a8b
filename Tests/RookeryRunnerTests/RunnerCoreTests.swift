import RookeryRunner
import Testing

@Suite struct StreamLedgerTests {
  @Test func chargesWholeBlocksUntilTheyAreFreed() {
    var ledger = StreamLedger()
    #expect(ledger.charge == 0)
    ledger.appended(5000)
    #expect(ledger.charge == 8192)
    ledger.acknowledge(4999)
    #expect(ledger.takeFreeable(all: false) == nil)
    #expect(ledger.takeFreeable(all: true) == 0..<4096)
    #expect(ledger.charge == 4096)
    ledger.acknowledge(.max)
    #expect(ledger.acknowledged == 5000)
    #expect(ledger.takeFreeable(all: true) == 4096..<8192)
    #expect(ledger.charge == 0)
    #expect(ledger.takeFreeable(all: true) == nil)
  }

  @Test func whatFollowsAFreedEndIsChargedAndFreedAgain() {
    var ledger = StreamLedger()
    ledger.appended(100)
    ledger.acknowledge(100)
    #expect(ledger.takeFreeable(all: true) == 0..<4096)
    ledger.appended(5000)
    #expect(ledger.charge == 8192)
    ledger.acknowledge(5100)
    #expect(ledger.takeFreeable(all: true) == 0..<8192)
  }

  @Test func acknowledgementsNeverGoBack() {
    var ledger = StreamLedger()
    ledger.appended(10)
    ledger.acknowledge(7)
    ledger.acknowledge(3)
    #expect(ledger.acknowledged == 7)
    #expect(!ledger.holds(6))
    #expect(ledger.holds(7))
  }

  @Test func gathersAcknowledgements() {
    var ledger = StreamLedger()
    ledger.appended(1 << 20)
    ledger.acknowledge(StreamLedger.freeingStep - 1)
    #expect(ledger.takeFreeable(all: false) == nil)
    ledger.acknowledge(StreamLedger.freeingStep)
    #expect(ledger.takeFreeable(all: false) == 0..<StreamLedger.freeingStep)
  }

  @Test func chargeAlwaysMatchesWhatWasAppendedAndFreed() {
    var ledger = StreamLedger()
    // A model of the blocks that hold data.
    var blocks: Set<UInt64> = []
    for _ in 0..<2000 {
      if Bool.random() {
        let count = UInt64.random(in: 1...9000)
        for block in ledger.end / 4096...(ledger.end + count - 1) / 4096 { blocks.insert(block) }
        ledger.appended(count)
      } else {
        ledger.acknowledge(UInt64.random(in: ledger.acknowledged...ledger.end))
        if let range = ledger.takeFreeable(all: Bool.random()) {
          #expect(range.lowerBound % 4096 == 0 && range.upperBound % 4096 == 0)
          blocks = blocks.filter { !range.contains($0 * 4096) }
        }
      }
      #expect(ledger.charge == UInt64(blocks.count) * 4096)
      #expect(ledger.freed <= ledger.acknowledged || ledger.acknowledged == ledger.end)
    }
  }

  @Test func adoptsWhatIsLeft() {
    let ledger = StreamLedger(end: 10_000, freed: 8192)
    #expect(ledger.acknowledged == 8192)
    #expect(ledger.charge == 4096)
    let empty = StreamLedger(end: 10_000, freed: 10_000)
    #expect(empty.acknowledged == 10_000)
    #expect(empty.charge == 0)
  }
}

@Suite struct JournalBudgetTests {
  @Test func stopsBeforeTheLimitAndResumesWithRoom() {
    var budget = JournalBudget(limit: 1 << 20)
    #expect(budget.grant(65536) == 65536)
    budget.changed(from: 0, to: (1 << 20) - 20_000)
    let granted = budget.grant(65536)
    #expect(granted == 20_000 - 4096)
    budget.changed(from: 0, to: 16384)
    #expect(budget.grant(65536) == 0)
    #expect(budget.isFull)
    #expect(budget.resumes() == false)
    budget.changed(from: 100_000, to: 0)
    #expect(budget.resumes() == false)
    #expect(budget.grant(10) == 0)
    budget.changed(from: 300_000, to: 0)
    #expect(budget.resumes() == true)
    #expect(!budget.isFull)
    #expect(budget.grant(10) == 10)
  }

  @Test func aFullDiskCounts() {
    var budget = JournalBudget(limit: 1 << 20)
    budget.markFull()
    #expect(budget.grant(1) == 0)
    #expect(budget.resumes() == true)
  }

  @Test func neverGrantsBeyondTheLimit() {
    var budget = JournalBudget(limit: 1 << 17)
    var ledger = StreamLedger()
    while true {
      let count = budget.grant(65536)
      guard count > 0 else { break }
      let before = ledger.charge
      ledger.appended(count)
      budget.changed(from: before, to: ledger.charge)
      #expect(budget.used <= budget.limit)
    }
    #expect(budget.used > budget.limit / 2)
  }
}

@Suite struct InputQueueTests {
  @Test func skipsWhatWasAccepted() {
    var queue = InputQueue(isOpen: true)
    #expect(queue.offer([1, 2, 3], at: 0) == .accepted(3))
    #expect(queue.offer([1, 2, 3], at: 0) == .accepted(3))
    #expect(queue.offer([3, 4], at: 2) == .accepted(4))
    #expect(queue.offer([9], at: 5) == .gap(4))
    #expect(queue.offer([], at: 4) == .accepted(4))
    var written: [UInt8] = []
    queue.write { bytes in
      written += bytes
      return bytes.count
    }
    #expect(written == [1, 2, 3, 4])
    #expect(queue.waitingCount == 0)
  }

  @Test func isBounded() {
    var queue = InputQueue(isOpen: true)
    let many = [UInt8](repeating: 1, count: InputQueue.capacity + 10)
    #expect(queue.offer(many, at: 0) == .accepted(UInt64(InputQueue.capacity)))
    #expect(queue.offer([1], at: UInt64(InputQueue.capacity)) == .full)
    #expect(!queue.hasRoom)
    queue.write { _ in 10 }
    #expect(queue.offer(many, at: 0) == .accepted(UInt64(InputQueue.capacity) + 10))
  }

  @Test func writesWhatWaitsBeforeItCloses() {
    var queue = InputQueue(isOpen: true)
    _ = queue.offer([1, 2], at: 0)
    queue.close()
    #expect(!queue.isDrained)
    #expect(queue.offer([1, 2], at: 0) == .accepted(2))
    #expect(queue.offer([3], at: 2) == .closed)
    queue.write { _ in 2 }
    #expect(queue.isDrained)
  }

  @Test func claimsOfAWriterAreChecked() {
    var queue = InputQueue(isOpen: true)
    _ = queue.offer([1, 2], at: 0)
    queue.write { _ in 100 }
    #expect(queue.waitingCount == 0)
    queue.write { _ in -1 }
    #expect(queue.offer([3], at: .max) == .gap(2))
    queue.abandon()
    #expect(queue.isDrained)
    #expect(queue.offer([3], at: 2) == .closed)
  }
}

@Suite struct ExitWatchTests {
  @Test func endsWhenReapedAndBothPipesAreClosed() {
    var watch = ExitWatch()
    #expect(watch.verdict(now: 0, isHeldUp: false) == .wait(until: nil))
    watch.closed(.stdout)
    watch.closed(.stderr)
    #expect(watch.verdict(now: 0, isHeldUp: false) == .wait(until: nil))
    watch.reaped(.code(1), left: OutputOffsets(), now: 10)
    #expect(watch.verdict(now: 10, isHeldUp: false) == .ended(.code(1)))
    #expect(watch.verdict(now: 10, isHeldUp: true) == .wait(until: nil))
  }

  @Test func waitsForSilenceWhenAPipeIsHeldOpen() {
    var watch = ExitWatch()
    watch.reaped(.code(0), left: OutputOffsets(stdout: 5), now: 1000)
    watch.closed(.stderr)
    #expect(watch.verdict(now: 9000, isHeldUp: false) == .wait(until: nil), "what it left is still to be read")
    watch.read(.stdout, 5, now: 1100)
    #expect(watch.verdict(now: 1599, isHeldUp: false) == .wait(until: 1600))
    #expect(watch.verdict(now: 1600, isHeldUp: false) == .closePipes)
    watch.closed(.stdout)
    #expect(watch.verdict(now: 1600, isHeldUp: false) == .ended(.code(0)))
  }

  @Test func doesNotWaitForATalkerForEver() {
    var watch = ExitWatch()
    watch.reaped(.signal(9), left: OutputOffsets(), now: 0)
    for now in stride(from: UInt64(100), to: 5000, by: 100) {
      watch.read(.stdout, 10, now: now)
      #expect(watch.verdict(now: now, isHeldUp: false) == .wait(until: min(now + 500, 5000)))
    }
    watch.read(.stdout, 10, now: 5000)
    #expect(watch.verdict(now: 5000, isHeldUp: false) == .closePipes)
  }

  @Test func silenceDoesNotCountWhileHeldUp() {
    var watch = ExitWatch()
    watch.reaped(.code(0), left: OutputOffsets(), now: 0)
    #expect(watch.verdict(now: 4000, isHeldUp: true) == .wait(until: nil))
    watch.resumed(now: 4000)
    #expect(watch.verdict(now: 4001, isHeldUp: false) == .wait(until: 4500))
  }
}

@Suite struct OutputWindowTests {
  @Test func boundsWhatIsInFlight() {
    var window = OutputWindow(from: OutputOffsets(stdout: 100, stderr: 50), window: 10)
    #expect(window.allowance(acknowledged: OutputOffsets()) == 10)
    window.advance(.stdout, by: 6)
    window.advance(.stderr, by: 4)
    #expect(window.allowance(acknowledged: OutputOffsets(stdout: 100, stderr: 50)) == 0)
    #expect(window.allowance(acknowledged: OutputOffsets(stdout: 103, stderr: 50)) == 3)
    #expect(window.allowance(acknowledged: OutputOffsets(stdout: 500, stderr: 500)) == 10)
  }

  @Test func extremesDoNotTrap() {
    let window = OutputWindow(from: OutputOffsets(stdout: .max, stderr: .max), window: .max)
    #expect(window.allowance(acknowledged: OutputOffsets()) == .max)
    #expect(OutputWindow(from: OutputOffsets(), window: 0).allowance(acknowledged: OutputOffsets()) == 1)
  }
}

@Suite struct ProcessFactsTests {
  @Test func findsProgramsAsAShellDoes() {
    func candidates(_ program: String, _ environment: [String]) -> [String] {
      PathSearch.candidates(program: Array(program.utf8), environment: environment.map { Array($0.utf8) })
        .map { String(decoding: $0, as: UTF8.self) }
    }
    #expect(candidates("git", ["PATH=/a:/b", "HOME=/"]) == ["/a/git", "/b/git"])
    #expect(candidates("git", ["PATH=:/b:"]) == ["git", "/b/git", "git"])
    #expect(candidates("./git", ["PATH=/a"]) == ["./git"])
    #expect(candidates("git", []).contains("/usr/bin/git"))
  }

  @Test func readsTheSessionBehindAnyName() {
    let text = Array("42 (a) Z 9 9) S 1 40 41 0 -1 4194304 1".utf8)
    #expect(ProcessStatus(stat: text)?.session == 41)
    #expect(ProcessStatus(stat: text)?.isDead == false)
    #expect(ProcessStatus(stat: Array("42 (x) Z 1 2 3 0".utf8))?.isDead == true)
    for bad in ["", "42", "42 (x)", "42 (x) S 1 2", "42 (x) S 1 2 x", ")"] { #expect(ProcessStatus(stat: Array(bad.utf8)) == nil) }
  }

  @Test func readsTheMark() {
    let text = """
      Limit                     Soft Limit           Hard Limit           Units
      Max locked memory         8388608              8388608              bytes
      Max file locks            12                   34                   locks
      """
    #expect(ProcessStatus.mark(limits: Array(text.utf8)) == 34)
    #expect(ProcessStatus.mark(limits: Array("Max file locks   unlimited   unlimited   locks\n".utf8)) == nil)
    #expect(ProcessStatus.mark(limits: []) == nil)
  }

  @Test func exitRecordsAreWholeOrNothing() {
    for status in [ExitStatus.code(0), .code(255), .signal(9)] { #expect(ExitRecord.parse(ExitRecord.text(status)) == status) }
    for bad in ["", "code 1", "code\n", "code x\n", "code 1 2\n", "gone 1\n"] { #expect(ExitRecord.parse(bad) == nil) }
    #expect(ExitStatus(waitStatus: 7 << 8) == .code(7))
    #expect(ExitStatus(waitStatus: 11 | 0x80) == .signal(11))
  }

  @Test func outputKeepsItsPace() throws {
    #expect(OutputPace(bytesPerSecond: nil, now: 0) == nil)
    var pace = try #require(OutputPace(bytesPerSecond: 1000, now: 10_000))
    let seen1 = pace.allows(now: 10_000)
    #expect(seen1)
    // The burst, and what one read takes beyond it.
    pace.spend(4500)
    let seen2 = pace.allows(now: 10_000)
    #expect(!seen2)
    let opens = pace.opens(now: 10_000)
    #expect(opens == 10_501)
    let seen3 = pace.allows(now: opens - 2)
    #expect(!seen3)
    let seen4 = pace.allows(now: opens)
    #expect(seen4)
    // Nothing is saved up beyond a burst.
    let seen5 = pace.allows(now: 1_000_000)
    #expect(seen5)
    pace.spend(4000)
    let seen6 = pace.allows(now: 1_000_000)
    #expect(!seen6)
  }

  @Test func optionsAreChecked() throws {
    let good = ["--listen-fd", "3", "--journal", "/j", "--sandbox", "sbx-1", "--journal-limit", "1048576"]
    let options = try RunnerOptions(good)
    #expect(options.listener == 3 && options.journal == "/j" && options.sandbox == "sbx-1" && options.journalLimit == 1 << 20)
    #expect(try RunnerOptions(good.dropLast(2)).journalLimit == 256 << 20)
    for bad in [[], ["--listen-fd"], ["--what", "1"], ["--listen-fd", "2"] + good.dropFirst(2), Array(good.dropFirst(2))] {
      #expect(throws: RunnerOptions.Invalid.self) { try RunnerOptions(bad) }
    }
  }
}
