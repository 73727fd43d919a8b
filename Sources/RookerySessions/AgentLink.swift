import Foundation
import RookeryModel
import RookerySandbox
import RookeryStore

/// The session's hold on its agent's process: what was read and understood, what waits to be written.
struct AgentLink {
  let sandbox: any Sandbox
  let process: ProcessID
  var interpreter: OutputInterpreter
  /// Bytes of stdin that were allocated.
  var input: UInt64
  /// Output that was received and not yet committed.
  var inbox: [ProcessEvent] = []
  var inboxBytes = 0
  var draining = false
  /// Whether the process's end is among what was received.
  var hasExited: Bool { if case .exited = inbox.last { true } else { false } }
  /// Committed bytes that the process does not have yet.
  var outgoing: [OutboxEntry] = []
  var writing = false
  /// A command's stdin ends after its script.
  var closesInput = false
  /// How far the process has its stdin.
  var written: UInt64 = 0
  var pump: Task<Void, Never>?
  var lastCommit: ContinuousClock.Instant?
}
