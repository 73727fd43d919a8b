import Foundation
import Logging
import RookeryAgents
import RookeryConfiguration
import RookeryModel
import RookerySandbox
import RookeryStore

extension LiveSession {
  /// Takes a warm sandbox where there is one that fits. Everything that is this session's own — its grant, its branch, its author —
  /// comes to it here, so none of that is ever a reason for a miss.
  func claimWarm(_ agent: AgentDefinition) async throws -> Bool {
    guard let pool = services.pool, meta.sandbox == nil, meta.snapshot == nil, !hasWorkElsewhere else { return false }
    guard let claim = try await pool.claim(meta.repository, for: id, needing: agent.python.isEmpty ? nil : agent.name) else {
      return false
    }
    do {
      try await take(claim, agent)
    } catch {
      await pool.abandon(claim.sandbox.id)
      throw error
    }
    do {
      try await pool.confirm(claim.sandbox.id)
    } catch {
      // It is this session's by its own file: the next start of the server finds that out.
      logger.warning("a claimed sandbox is still recorded as waiting", metadata: ["error": "\(error)"])
    }
    return true
  }

  private func take(_ claim: WarmClaim, _ agent: AgentDefinition) async throws {
    let (warm, content) = (claim.sandbox, claim.content)
    meta.environment = content.environment.env
    let waiting = content.conversation.flatMap { try? JSON.decode(WarmConversation.self, from: $0) }
    // Recorded before the grant, which it decides about.
    meta.awaitsSync = true
    do {
      try await grant(warm.id, limits: limits(asked: content.environment.limits))
      let conversation = try adoptable(waiting, agent)
      if conversation == nil, let waiting { try await warm.signal(waiting.process, .kill) }
      meta.sandbox = warm.id
      meta.sandboxReady = true
      meta.runtimeSeconds = content.runtimeSeconds
      meta.services = content.environment.start
      meta.serviceStates = content.services
      meta.waitedWith = content.agent
      if meta.baseCommit == nil { meta.baseCommit = content.commit }
      if let conversation {
        meta.agentProcess = conversation.process
        meta.agentSession = conversation.session
      }
      var events: [EventPayload] = [
        .sandboxReady(.init(sandbox: warm.id, source: .warm, image: claim.image, commit: content.commit))
      ]
      events += content.services.map { .serviceChanged($0) }
      if let conversation { events.append(.agentStarted(conversation.started)) }
      try commit(events) { transaction in
        if let conversation { try transaction.setProcess(conversation.process, in: warm.id, conversation.stored) }
        return []
      }
    } catch {
      meta.awaitsSync = nil
      throw error
    }
    sandbox = warm
    watchServices()
  }

  /// The waiting process, where it is exactly what this session would start, and there is no earlier conversation to go on with.
  private func adoptable(_ waiting: WarmConversation?, _ agent: AgentDefinition) throws -> WarmConversation? {
    guard let waiting, meta.agentSession == nil, agent.wire == .acp, waiting.started.agent == agent.name else { return nil }
    let start = AgentStart(
      definition: agent, repository: meta.repository, environment: meta.environment, exposed: exposedSecrets)
    let own = try start.process(waiting.process, model: services.configuration.model)
    return AgentStart.digest(own) == waiting.digest ? waiting : nil
  }

  // MARK: The newest commit

  /// Whether the model's answers wait until the branch is at the newest commit. Then the agent gets its prompt at once, and the
  /// fetch runs beside its first model call; any other agent waits for the fetch.
  var holdsAnswers: Bool {
    get throws {
      guard meta.awaitsSync == true else { return false }
      let agent = try services.agents.definition(of: meta.agent)
      return agent.wire == .acp && agent.model != .none
    }
  }

  /// Brings the branch to the newest commit beside the agent's first model call, then lets it hear the model's answer.
  func catchUp() async throws {
    guard meta.awaitsSync == true, let sandbox else { return }
    try await bringUpToDate()
    try await grant(sandbox.id, limits: limits(asked: nil))
  }

  /// Looks at the remote's tip again and moves the branch there, before anyone has written. A remote that can't be asked is told
  /// to people; the work then starts from the commit that the sandbox waited with.
  func bringUpToDate() async throws {
    guard meta.awaitsSync == true, let current = turn, let sandbox else { return }
    let repository = try await services.repositories.get(meta.repository)
    let late = RookeryError(.repositoryUnreachable, "the git server did not answer within \(Self.syncSeconds) s")
    var problem: String?
    do {
      let specification = git.sync(
        id: try ProcessID("turn-\(current.number)-sync"), branch: repository.defaultBranch, local: meta.branch, from: meta.baseCommit)
      let result = try await withDeadline(.seconds(Self.syncSeconds), failure: late) { try await sandbox.run(specification) }
      if result.exit.succeeded {
        let tip = result.output.trimmingCharacters(in: .whitespacesAndNewlines)
        meta.baseCommit = tip
        if turn?.startCommit != nil { turn?.startCommit = tip }
      } else {
        problem = GitScripts.lastLine(of: result.errorOutput)
      }
    } catch let error as RookeryError where error == late {
      problem = error.message
    }
    meta.awaitsSync = nil
    var events: [EventPayload] = []
    if let problem {
      let text = "Whether there are newer commits is unknown (\(problem)); the work starts from \((meta.baseCommit ?? "").prefix(12))."
      events.append(.notice(.init(level: .warning, text: text)))
    }
    try commit(events)
  }

  private static let syncSeconds = 30
}
