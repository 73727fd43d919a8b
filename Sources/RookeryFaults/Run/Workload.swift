import Foundation
import RookeryCommands
import RookeryModel
import RookeryTestSupport

/// What one client does in one session: prompts that print numbered lines, sent more than once, with a stop perhaps.
struct ClientPlan: Sendable {
  struct Prompt: Sendable {
    var requestId: String
    var lines: Int
    /// Milliseconds before it is sent.
    var pause: Int
    /// Further times that the same request is sent after it was answered.
    var repeats: Int
    /// Milliseconds after its answer until somebody presses stop; nil: nobody does.
    var stop: Int?

    /// Unlike any other prompt's, by its comment.
    var text: String {
      "# \(requestId)\nfor i in $(seq 1 \(lines)); do echo \"line $i\"; sleep 0.02; done; echo \(requestId) >> changed.txt"
    }
    var output: String { (1...lines).map { "line \($0)\n" }.joined() }
  }

  var name: String
  var prompts: [Prompt]
  /// Cursors of the session's readers; the first is 0.
  var cursors: [Int64]

  init(name: String, prompts: Int, stops: Bool, using generator: inout SeededGenerator) {
    self.name = name
    // Ids say the client and the number; a run's seed makes the rest.
    let mark = String(UInt32.random(in: .min ... .max, using: &generator), radix: 36)
    let isStopped = stops && Int.random(in: 0..<4, using: &generator) == 0
    let stopped = isStopped ? Int.random(in: 0..<prompts, using: &generator) : -1
    self.prompts = (0..<prompts).map { number in
      Prompt(
        requestId: "\(name)-\(number)-\(mark)", lines: Int.random(in: 5...60, using: &generator),
        pause: number == 0 ? 0 : Int.random(in: 0...1500, using: &generator), repeats: Int.random(in: 0...2, using: &generator),
        stop: stopped == number ? Int.random(in: 0...1500, using: &generator) : nil)
    }
    cursors = [0] + (0..<2).map { _ in Int64.random(in: 0...12, using: &generator) }
  }
}

/// Plays a plan against the system.
struct Client: Sendable {
  let system: FaultSystem
  let recorder: HistoryRecorder
  let plan: ClientPlan

  /// Returns when every prompt of the plan was answered. Throws what the server refused.
  func run(opened: @Sendable (SessionID) -> Void) async throws {
    var session: SessionID?
    for prompt in plan.prompts {
      try await Task.sleep(for: .milliseconds(prompt.pause))
      let attempt = await recorder.begin(
        client: plan.name, requestId: prompt.requestId, text: prompt.text, output: prompt.output)
      for _ in 0...prompt.repeats {
        let receipt = try await send(prompt, to: session)
        await recorder.answered(attempt, receipt)
        if session == nil {
          session = receipt.session
          await recorder.opened(receipt.session)
          opened(receipt.session)
        }
      }
      if let pause = prompt.stop, let session {
        await recorder.disturb(session)
        try await Task.sleep(for: .milliseconds(pause))
        // A stop that the server did not hear is as good as none.
        try? await system.api.send(.POST, "/v1/sessions/\(session)/stop")
      }
    }
  }

  /// Sends a request until it is answered: that is what a request id is for.
  private func send(_ prompt: ClientPlan.Prompt, to session: SessionID?) async throws -> API.PromptReceipt {
    let deadline = ContinuousClock.now + .seconds(180)
    while true {
      do {
        guard let session else {
          return try await system.api.post(
            "/v1/sessions",
            API.CreateSession(
              requestId: prompt.requestId, repository: try RepositoryName(FaultSystem.repository), prompt: prompt.text,
              agent: try AgentName("command"), author: FaultSystem.author), as: API.PromptReceipt.self, timeout: .seconds(30))
        }
        return try await system.api.post(
          "/v1/sessions/\(session)/prompts",
          API.PostPrompt(requestId: prompt.requestId, text: prompt.text, author: FaultSystem.author), as: API.PromptReceipt.self,
          timeout: .seconds(30))
      } catch let error as RookeryError
        where [.unavailable, .diskFull].contains(error.code) && ContinuousClock.now < deadline
      {
        try await Task.sleep(for: .milliseconds(50))
      }
    }
  }
}
