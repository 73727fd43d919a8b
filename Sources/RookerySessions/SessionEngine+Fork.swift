import Foundation
import RookeryModel
import RookeryStore

extension SessionEngine {
  package func fork(_ session: SessionID, _ request: API.ForkSession, by user: User) async throws -> API.PromptReceipt {
    let text = try Self.checked(request.prompt, requestId: request.requestId)
    try await admit(user, to: session)
    let origin = try self.session(session)
    let point = try await origin.forkPoint(at: request.at)
    var body = request
    body.author = nil
    // The origin is part of the request: another one under the same id is a conflict.
    let encoded = try JSON.encode(["fork": JSON.encode(body), "of": Data(session.rawValue.utf8)])
    return try await begin(
      request: request.requestId, body: encoded, prompt: text, by: user, repository: point.meta.repository, agent: point.meta.agent
    ) { meta in
      meta.baseCommit = point.meta.baseCommit
      meta.environment = point.meta.environment
      meta.agentSession = point.meta.agentSession
      meta.snapshot = point.snapshot.id
      meta.inherited = point.history
      meta.forkedFrom = SessionCreated.Fork(session: session, seq: point.snapshot.seq)
    }
  }
}

/// Where a session is forked from.
struct ForkPoint: Sendable {
  var meta: SessionMeta
  var snapshot: StoredSnapshot
  /// What was said up to there.
  var history: String?
}

extension LiveSession {
  /// The newest snapshot at or before `seq`, or the newest of all. Throws `notFound` when there is none.
  func forkPoint(at seq: Int64?) throws -> ForkPoint {
    let snapshots = try snapshots()
    guard let snapshot = snapshots.last(where: { seq == nil || $0.seq <= seq ?? 0 }) else {
      let first = snapshots.first.map { "Its first snapshot is at event \($0.seq)." }
      throw RookeryError(
        .notFound, seq.map { "The session has no snapshot at or before event \($0)." } ?? "The session has no snapshot.",
        mend: first ?? "Each turn that ends in a sandbox leaves one.")
    }
    return ForkPoint(meta: meta, snapshot: snapshot, history: try history(through: snapshot.turn))
  }
}
