import RookeryFaults
import RookeryModel
import Testing

/// The checker finds what is wrong, and only that.
@Suite struct HistoryCheckerTests {
  static let seeds = Array(UInt64(1)...20)

  @Test(arguments: seeds) func aHistoryThatKeepsEveryPromisePasses(seed: UInt64) throws {
    #expect(HistoryChecker.violations(of: try .sample(seed: seed)) == [])
  }

  @Test(arguments: SeededDefect.allCases, seeds) func everySeededDefectIsFound(_ defect: SeededDefect, seed: UInt64) throws {
    var generator = SeededGenerator(seed: seed)
    let history = try defect.apply(to: .sample(seed: seed), using: &generator)
    let rules = Set(HistoryChecker.violations(of: history).map(\.rule))
    #expect(rules.contains(defect.rule), "\(defect) breaks \(defect.rule), found: \(rules)")
  }

  /// No rule is there that no defect proves to work.
  @Test func everyRuleHasADefect() {
    #expect(Set(SeededDefect.allCases.map(\.rule)) == Set(Violation.Rule.allCases))
  }

  /// A turn that was cut may have printed less, never something else.
  @Test(arguments: [(true, true), (false, false)]) func aCutTurnPrintedABeginning(isBeginning: Bool, passes: Bool) throws {
    var history = try History.sample(seed: 7)
    var log = history.finals[0].log
    let last = try #require(log.lastIndex { $0.payload.kind == "agent.output" })
    let end = try #require(log.lastIndex { $0.payload.kind == "turn.finished" })
    guard case .turnFinished(var body) = log[end].payload else { return }
    body.result = .interrupted
    log[end].payload = .turnFinished(body)
    log[last].payload = .agentOutput(.init(stream: .stdout, text: isBeginning ? "" : "other\n"))
    history.finals[0].log = log
    history.streams = []
    let attempt = try #require(history.attempts.lastIndex { $0.receipts[0].session == history.finals[0].session })
    history.attempts[attempt].mustComplete = false
    #expect(HistoryChecker.violations(of: history).isEmpty == passes)
  }

  @Test func theGeneratorIsTheSameForASeed() {
    var (one, two, other) = (SeededGenerator(seed: 5), SeededGenerator(seed: 5), SeededGenerator(seed: 6))
    let first = (0..<8).map { _ in one.next() }
    #expect(first == (0..<8).map { _ in two.next() })
    #expect(first != (0..<8).map { _ in other.next() })
  }
}
