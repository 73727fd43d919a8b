import Foundation
import Logging
import RookeryConfiguration
import RookeryModel
import RookerySandbox
import RookeryStore

/// Sessions that agents start: on behalf of whoever prompted the turn in which they do, and seen by whoever sees that session.
extension SessionEngine {
  private static let longestWait = 30

  /// Answers an MCP message of the agent in `sandbox`; nil: none is due. `number` names the message: one that comes again, because a
  /// server ended before it answered, does again nothing that was done.
  package func answer(_ text: String, of sandbox: SandboxID, number: Int64) async -> String? {
    var message = ToolMessage()
    switch message.read(text) {
    case .answered(let answer): return answer
    case .call(let name, let arguments):
      do {
        guard let tool = SessionTool(rawValue: name) else {
          throw RookeryError(.notFound, "There is no tool “\(name.prefix(80))”.", mend: "List the tools.")
        }
        guard let parent = await owner(of: sandbox) else {
          throw RookeryError(.unavailable, "No session runs in this sandbox yet.", mend: "Try again when a prompt is being worked on.")
        }
        return message.answer(try await perform(tool, arguments, for: try session(parent), number: number))
      } catch let error as RookeryError {
        return message.answer(error)
      } catch {
        services.logger.warning("a tool failed", metadata: ["tool": "\(name)", "error": "\(error)"])
        return message.answer(RookeryError(.internal, "The tool failed for a reason of Rookery's own."))
      }
    }
  }

  private func perform(
    _ tool: SessionTool, _ arguments: JSONValue, for parent: LiveSession, number: Int64
  ) async throws -> JSONValue {
    switch tool {
    case .start: return try await start(arguments, for: parent, number: number)
    case .status: return try await status(of: try await child(arguments, of: parent))
    case .wait:
      let child = try await child(arguments, of: parent)
      let seconds = min(Self.longestWait, max(0, Int(arguments["seconds"]?.integer ?? Int64(Self.longestWait))))
      let deadline = ContinuousClock.now + .seconds(seconds)
      while await child.summary.state != .idle, ContinuousClock.now < deadline { try await Task.sleep(for: .milliseconds(200)) }
      return try await status(of: child)
    case .prompt:
      let child = try await child(arguments, of: parent)
      let text = try Self.checked(arguments["prompt"]?.string ?? "", requestId: "tool")
      let author = try await parent.promptingAuthor()
      let receipt = try await using(child.id) {
        try await $0.enqueue(NewPrompt(text: text, author: author), request: "\(author.user)/tool-\(number)")
      }
      return ["session": .string(child.id.rawValue), "prompt": .string(receipt.prompt.rawValue)]
    }
  }

  private func start(_ arguments: JSONValue, for parent: LiveSession, number: Int64) async throws -> JSONValue {
    let text = try Self.checked(arguments["prompt"]?.string ?? "", requestId: "tool")
    let meta = await parent.meta
    let place = SessionMeta.Parent(
      session: parent.id, root: meta.parent?.root ?? parent.id, depth: (meta.parent?.depth ?? 0) + 1)
    guard place.depth <= services.configuration.sessions.depth else {
      throw RookeryError(.forbidden, "Sessions stand at most \(services.configuration.sessions.depth) below the one that a person started.")
    }
    let name = try arguments["repository"]?.string.map { try RepositoryName($0) } ?? meta.repository
    let repository = try await services.repositories.get(name)
    let agent = try await agent(asked: try arguments["agent"]?.string.map { try AgentName($0) } ?? meta.agent, repository: repository)
    let author = try await parent.promptingAuthor()
    let user = try await services.registry.user(author.user)
    guard user.role != .viewer else { throw RookeryError(.forbidden, "\(author.name) may not start sessions.") }
    let request = "tool-\(number)"
    try await using(place.root) { try await $0.admitChild(request) }
    let body = try JSON.encode(["tool": [parent.id.rawValue, name.rawValue, agent.rawValue, text]])
    let receipt = try await begin(
      request: request, body: body, prompt: NewPrompt(text: text, author: author), by: user, repository: name, agent: agent
    ) { child in
      child.parent = place
      child.access = meta.access
      // Whoever takes part in the one takes part in the other.
      child.participants = (child.participants ?? []) + (meta.participants ?? []).filter { $0.person.user != author.user }
    }
    try await parent.childStarted(ChildStarted(session: receipt.session, title: Self.title(of: text, limit: 100)))
    return ["session": .string(receipt.session.rawValue), "branch": .string("rookery/\(receipt.session)")]
  }

  /// A session below `parent`; any other does not exist for its agent.
  private func child(_ arguments: JSONValue, of parent: LiveSession) async throws -> LiveSession {
    let id = try SessionID(arguments["session"]?.string ?? "")
    var above = try? await session(id).meta.parent
    while let next = above {
      if next.session == parent.id { return try session(id) }
      above = try? await session(next.session).meta.parent
    }
    throw LiveSession.unknown(id)
  }

  private func status(of child: LiveSession) async throws -> JSONValue {
    let (summary, said) = (await child.summary, try await child.lastWords())
    var value: [String: JSONValue] = [
      "session": .string(summary.id.rawValue), "state": .string(summary.state.rawValue), "branch": .string(summary.branch),
      "title": .string(summary.title), "said": .string(said),
    ]
    if let result = summary.lastResult { value["result"] = .string(result.rawValue) }
    if let request = summary.pullRequest { value["pullRequest"] = .string(request.url) }
    return .object(value)
  }
}

extension LiveSession {
  /// Who prompted the turn that runs, or ran last.
  func promptingAuthor() throws -> Author {
    guard let turn else { throw RookeryError(.unavailable, "No prompt is being worked on.", mend: "Try again in a moment.") }
    return turn.author
  }

  /// Counts one more session that an agent below this one starts; the same request counts once. Throws `forbidden` at the bound.
  func admitChild(_ request: String) throws {
    guard meta.started?.contains(request) != true else { return }
    let most = services.configuration.sessions.children
    guard (meta.started?.count ?? 0) < most else {
      throw RookeryError(.forbidden, "Agents start at most \(most) sessions below one that a person started.")
    }
    meta.started = (meta.started ?? []) + [request]
    try commit()
  }

  func childStarted(_ child: ChildStarted) throws {
    let known = try store.read { try $0.events(ofTurn: turn?.number ?? 0, kinds: ["child.started"]) }
    guard !known.contains(where: { $0.payload == .childStarted(child) }) else { return }
    try commit([.childStarted(child)])
  }

  /// What the agent last said.
  func lastWords() throws -> String { try turn.map { try closingMessage(of: $0.number) } ?? "" }
}

extension SessionServices {
  /// What agents are given beside their own tools: MCP over HTTP, answered by us, without a credential.
  var agentTools: [JSONValue] {
    guard configuration.sessions.children > 0 else { return [] }
    return [["type": "http", "name": "rookery", "url": .string("\(Broker.model.origin)/mcp"), "headers": []]]
  }
}
