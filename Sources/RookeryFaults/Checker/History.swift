import Foundation
import RookeryModel

/// What a fault run saw from outside: what clients asked and were told, what readers received, and what was there at the end.
package struct History: Sendable, Equatable {
  /// One request of a client, repeated until it was answered.
  package struct Attempt: Sendable, Equatable {
    package var client: String
    package var requestId: String
    /// Unlike every other attempt's, so that it is known again in the log.
    package var text: String
    /// What the prompt's command prints when it runs to its end.
    package var output: String
    /// Whether nothing was done to the turn that may end it early: no stop, no kill inside its sandbox.
    package var mustComplete: Bool
    /// Every answer, in the order they came; none when it was refused.
    package var receipts: [API.PromptReceipt]
    package init(client: String, requestId: String, text: String, output: String, mustComplete: Bool, receipts: [API.PromptReceipt]) {
      self.client = client
      self.requestId = requestId
      self.text = text
      self.output = output
      self.mustComplete = mustComplete
      self.receipts = receipts
    }
  }

  /// What one connection received, in the order it came.
  package struct Stream: Sendable, Equatable {
    package var reader: String
    package var session: SessionID
    package var after: Int64
    package var events: [Event]
    package init(reader: String, session: SessionID, after: Int64, events: [Event]) {
      self.reader = reader
      self.session = session
      self.after = after
      self.events = events
    }
  }

  /// A session when everything was quiet again.
  package struct Final: Sendable, Equatable {
    package var session: SessionID
    package var log: [Event]
    package var state: SessionSummary.State
    package var prompts: [Prompt]
    /// The sandbox that it says it has.
    package var sandbox: SandboxID?
    /// The forge's head of its branch; nil when there is none.
    package var head: String?
    package init(
      session: SessionID, log: [Event], state: SessionSummary.State, prompts: [Prompt], sandbox: SandboxID?, head: String?
    ) {
      self.session = session
      self.log = log
      self.state = state
      self.prompts = prompts
      self.sandbox = sandbox
      self.head = head
    }
  }

  /// A wake-up that a session asked for.
  package struct Alarm: Sendable, Equatable {
    package enum Outcome: String, Sendable { case pending, fired, cancelled, gone }
    package var session: SessionID
    package var name: String
    package var outcome: Outcome
    package init(session: SessionID, name: String, outcome: Outcome) {
      self.session = session
      self.name = name
      self.outcome = outcome
    }
  }

  /// In the order in which each client made them.
  package var attempts: [Attempt] = []
  package var streams: [Stream] = []
  package var finals: [Final] = []
  /// Sandboxes of which anything was left at the end: a process, a launch record.
  package var sandboxes: Set<SandboxID> = []
  package var alarms: [Alarm] = []

  package init() {}
}

extension [Event] {
  /// The prompts that these events queued, in order.
  package var queued: [(event: Event, body: PromptQueued)] {
    compactMap { event in if case .promptQueued(let body) = event.payload { (event, body) } else { nil } }
  }

  /// How often a prompt began.
  package func starts(of prompt: PromptID) -> [Event] {
    filter { if case .turnStarted(let body) = $0.payload { body.prompt == prompt } else { false } }
  }

  /// A prompt's terminal events.
  package func ends(of prompt: PromptID) -> [Event] {
    filter {
      switch $0.payload {
      case .turnFinished(let body): body.prompt == prompt
      case .promptCancelled(let body): body.prompt == prompt
      default: false
      }
    }
  }

  /// What a turn's command printed on its standard output.
  package func printed(turn: Int) -> String {
    reduce(into: "") { text, event in
      if event.turn == turn, case .agentOutput(let chunk) = event.payload, chunk.stream == .stdout { text += chunk.text }
    }
  }

  /// The sandbox that the session has after these events.
  package var sandbox: SandboxID? {
    var current: SandboxID?
    for event in self {
      switch event.payload {
      case .sandboxReady(let body): current = body.sandbox
      case .sandboxLost(let body) where body.sandbox == current: current = nil
      default: break
      }
    }
    return current
  }
}
