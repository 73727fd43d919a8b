import Foundation
import RookeryModel
import RookeryRehearsal
import RookeryTestSupport
import Testing

/// Tokens that a session may use.
private let allowance = 600

/// A session that has spent what it may: its turn ends in the middle, with everything kept, and no later turn spends more.
@Suite(
  .serialized,
  .system(
    script: RehearsalScript(name: "words", steps: [.finish(String(repeating: "word ", count: 80))]),
    configuration: "model: {name: unused, tokens_per_session: \(allowance)}")
) struct BudgetTests {
  /// Asks the model through its broker, once or without end.
  private static func asking(_ loop: String) -> String {
    """
    printf half > half.txt
    python3 - <<'P'
    import json, time, urllib.error, urllib.request
    tool = {"type": "function", "function": {"name": "run_shell_command", "parameters": {"type": "object", "properties": {"command": {"type": "string"}}}}}
    body = {"model": "\(RehearsalModel.name)", "messages": [{"role": "user", "content": "go"}], "max_tokens": 120, "tools": [tool]}
    \(loop)
        request = urllib.request.Request("\(Broker.model.origin)/v1/chat/completions", json.dumps(body).encode(), {"Content-Type": "application/json"})
        try: print("answered", urllib.request.urlopen(request, timeout=60).status, flush=True)
        except urllib.error.HTTPError as error: print("refused", error.code, error.read().decode()[:200], flush=True)
        time.sleep(0.2)
    P
    sleep 300
    """
  }

  @Test(.timeLimit(.minutes(3))) func theTurnEndsWithASnapshotAndTheBudgetIsTheSessions() async throws {
    let system = try RunningSystem.get()
    let session = try await system.begin(Self.asking("while True:"))
    let log = try await system.finished(session, timeout: .seconds(90))
    let result = try #require(log.results.first)
    #expect(result.result == .failed && result.error?.code == .limitHit && result.stopReason == "budget")
    #expect(result.error?.message.contains("\(allowance) tokens") == true)
    #expect(result.snapshot != nil && log.kinds.contains("work.saved"))
    #expect(log.contains { if case .limitHit(let hit) = $0.payload { hit.limit == .budget } else { false } })
    #expect(log.output().contains("answered 200"), "\(log.output())")
    // Reserved before, counted after: what was used never went beyond.
    let used = try await spent(system, session)
    #expect(used > 0 && used <= allowance, "\(used)")

    // Nothing of the work is lost, and turns without a model go on.
    _ = try await system.prompt(session, "cat half.txt")
    #expect(try await system.finished(session, turns: 2).results.last?.result == .completed)
    // A new turn has a new grant, and no new budget.
    _ = try await system.prompt(session, Self.asking("for _ in range(1):"))
    let third = try await system.finished(session, turns: 3, timeout: .seconds(90))
    #expect(third.results.last?.stopReason == "budget" && third.results.last?.error?.code == .limitHit)
    #expect(try await spent(system, session) == used)

    // Another session has its own.
    let other = try await system.begin(Self.asking("for _ in range(1):").replacing("sleep 300", with: "true"))
    #expect(try await system.finished(other).output().contains("answered 200"))
  }

  private func spent(_ system: RunningSystem, _ session: SessionID) async throws -> Int {
    try await system.log(session).reduce(0) { sum, event in
      if case .usage(let usage) = event.payload { sum + usage.inputTokens + usage.outputTokens } else { sum }
    }
  }
}
