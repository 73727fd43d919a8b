import Foundation
import RookeryAgents
import RookeryModel
import RookerySandbox
import RookeryStore

/// An agent's process that waits in a warm sandbox with its conversation open: everything that a session needs to go on with it.
struct WarmConversation: Sendable, Codable, Equatable {
  /// Never the id of a process that a session starts.
  static let process = "agent-warm"

  var process: ProcessID
  /// What was started, as `AgentStart.digest` has it.
  var digest: String
  /// Output up to here was understood.
  var output: StreamOffsets
  /// Bytes of stdin that were written.
  var input: UInt64
  var state: OutputInterpreter.State
  /// The agent's own name of the conversation.
  var session: String
  var started: AgentStarted

  var stored: StoredProcess { get throws { StoredProcess(output: output, input: input, state: try JSON.encode(state)) } }

  /// Starts the agent and opens its conversation. Throws why it did not open.
  static func open(
    _ definition: AgentDefinition, _ specification: ProcessSpec, policy: PermissionPolicy? = nil, tools: [JSONValue] = [],
    in sandbox: any Sandbox
  ) async throws -> WarmConversation {
    let client = ACPClient(agent: definition, directory: specification.directory, resume: nil, policy: policy, tools: tools)
    var interpreter = OutputInterpreter(state: .acp(client), offsets: StreamOffsets())
    var input: UInt64 = 0
    func send(_ meaning: Interpretation) async throws {
      for bytes in meaning.input { input = try await sandbox.write(bytes, to: specification.id, at: input) }
    }
    try await sandbox.start(specification)
    try await send(interpreter.begin())
    var started: AgentStarted?
    for try await event in sandbox.output(of: specification.id, from: StreamOffsets(), window: 40 << 20) {
      let meaning = interpreter.consume([event])
      try await send(meaning)
      for case .agentStarted(let body) in meaning.events { started = body }
      if let error = meaning.ending?.error { throw error }
      if let session = meaning.agentSession, let started {
        try await sandbox.acknowledge(specification.id, interpreter.offsets)
        return WarmConversation(
          process: specification.id, digest: AgentStart.digest(specification), output: interpreter.offsets, input: input,
          state: interpreter.state, session: session, started: started)
      }
    }
    try Task.checkCancellation()
    throw RookeryError(.sandboxLost, "The sandbox ended while its agent started.", mend: "Try again.")
  }
}
