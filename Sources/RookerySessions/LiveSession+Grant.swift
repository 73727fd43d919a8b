import Foundation
import RookeryConfiguration
import RookeryModel
import RookerySandbox

extension LiveSession {
  /// Tells the gateway what the sandbox may reach, and for how long.
  func grant(_ sandbox: SandboxID, limits: Limits) async throws {
    var (granted, outcome) = try await services.repositories.grant(
      of: sandbox, for: meta.repository, environment: nil, pushRef: "refs/heads/\(meta.branch)",
      expires: Date(timeIntervalSinceNow: Double(limits.runtimeSeconds) + 3600))
    granted.holdsAnswers = meta.awaitsSync
    // The allowance is the session's, whatever sandbox spends it.
    granted.model?.spentTokens = meta.spentTokens ?? 0
    granted.model?.spentCost = meta.spentCost ?? 0
    try await services.gateway.grant(granted)
    exposedSecrets = outcome.exposed
    try explain(outcome, sandbox)
  }

  /// Says once a sandbox what the agent can see of the operator's secrets, and what its repository asked for in vain.
  private func explain(_ outcome: SandboxPolicy.Outcome, _ sandbox: SandboxID) throws {
    guard meta.explainedSandbox != sandbox, !outcome.exposed.isEmpty || !outcome.denied.isEmpty else { return }
    var notices: [EventPayload] = []
    if !outcome.exposed.isEmpty {
      let names = outcome.exposed.keys.sorted().joined(separator: ", ")
      notices.append(.notice(.init(level: .warning, text: "The agent of this session can read these secrets: \(names).")))
    }
    if !outcome.denied.isEmpty {
      let text = "The environment file asks for what the server does not grant:\n" + outcome.denied.prefix(20).joined(separator: "\n")
      notices.append(.notice(.init(level: .warning, text: text)))
    }
    meta.explainedSandbox = sandbox
    try commit(notices)
  }

  /// Something that the gateway reports about this session's sandbox.
  func gatewayReported(_ report: GatewayReport) async throws {
    guard meta.sandbox == report.sandbox, report.seq > meta.gatewayReports ?? 0 else { return }
    meta.gatewayReports = report.seq
    switch report.kind {
    case .refused(let refusal): try commit([.networkRefused(refusal)])
    case .budgetSpent(let detail): try await budgetSpent(detail)
    }
  }

  /// Ends the turn: what the agent would still ask of its model is refused.
  private func budgetSpent(_ detail: String) async throws {
    guard let link, turn != nil, turn?.result == nil else {
      try commit()
      return
    }
    let hit = LimitHit(limit: .budget, detail: detail)
    lastLimit = hit
    turn?.agentEnded(
      stopReason: "budget", succeeded: false,
      error: RookeryError(
        .limitHit, detail, mend: "Raise model.tokens_per_session or model.budget_usd_per_session, or start another session."))
    try commit([.limitHit(hit)])
    try await link.sandbox.signal(link.process, .kill)
    wakeWork()
  }

  func limits(asked: EnvironmentFile.RequestedLimits?) -> Limits {
    services.limits(of: meta.repository, asked: asked)
  }
}
