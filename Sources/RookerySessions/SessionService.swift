import Foundation
import RookeryModel

/// What clients (HTTP, web, later Slack) ask of sessions. The author of a prompt is always an authenticated user.
package protocol SessionService: Sendable {
  /// Makes a session with its first prompt. The same `requestId` with the same body returns the first receipt; with another
  /// body it throws `conflict`. When it returns, the prompt is durable.
  func create(_ request: API.CreateSession, by user: User) async throws -> API.PromptReceipt
  func prompt(_ session: SessionID, _ request: API.PostPrompt, by user: User) async throws -> API.PromptReceipt
  /// Stops the running turn, keeping its work. Does nothing when none runs.
  func stop(_ session: SessionID, by user: User) async throws
  /// Cancels a prompt that still waits; throws `conflict` when it runs or ran.
  func cancel(_ session: SessionID, prompt: PromptID, by user: User) async throws
  /// Makes a session of its own that goes on from a snapshot of `session`. The same request twice makes one.
  func fork(_ session: SessionID, _ request: API.ForkSession, by user: User) async throws -> API.PromptReceipt
  /// Oldest first.
  func snapshots(_ session: SessionID) async throws -> [API.SessionSnapshot]
  /// Takes a snapshot between turns; throws `conflict` while one runs, whose end takes one anyway.
  func snapshot(_ session: SessionID) async throws -> API.SessionSnapshot
  /// Ends the session and removes its log, artifacts, snapshots and sandbox; what was pushed stays. Idempotent.
  func delete(_ session: SessionID, by user: User) async throws
  /// Throws unless `user` may do in the session what `needed` may: `notFound`, as for one that is not there, where they may not even
  /// see it; `forbidden` otherwise. Asked before every other call about a session that someone makes.
  func admit(_ user: User, to session: SessionID, as needed: SessionRole) async throws
  /// Changes a prompt that waits; throws `conflict` when it does not any more. The same request twice does it once.
  func edit(_ session: SessionID, prompt: PromptID, _ request: API.EditPrompt, by user: User) async throws -> API.PromptReceipt
  /// Answers what the agent asks; throws `conflict` when it is answered already.
  func answer(_ session: SessionID, permission: String, _ request: API.AnswerPermission, by user: User) async throws
  /// Keeps a file for a prompt that `user` will send.
  func upload(_ content: Data, name: String, mediaType: String, by user: User) async throws -> Attachment
  /// A file of one of the session's prompts.
  func attachment(_ session: SessionID, digest: String) async throws -> (Attachment, Data)
  /// Takes part by a link's secret; throws `notFound` when it is no good.
  func join(_ session: SessionID, secret: Secret, by user: User) async throws
  func invite(_ session: SessionID, _ request: API.CreateInvitation, by user: User) async throws -> (Invitation, Secret)
  func invitations(_ session: SessionID) async throws -> [Invitation]
  func revoke(_ session: SessionID, invitation: String) async throws
  func setRole(_ session: SessionID, of participant: UserID, _ role: SessionRole, by user: User) async throws
  func remove(_ session: SessionID, participant: UserID, by user: User) async throws
  func setAccess(_ session: SessionID, _ access: SessionAccess, by user: User) async throws
  /// Newest first, of those that `user` may see.
  func sessions(repository: RepositoryName?, limit: Int, for user: User) async throws -> [SessionSummary]
  func detail(_ session: SessionID) async throws -> API.SessionDetail
  /// At most `limit` events after `after`, in order.
  func events(_ session: SessionID, after: Int64, limit: Int) async throws -> API.Events
  /// The newest events before `before`, at most `limit`, in order.
  func events(_ session: SessionID, before: Int64, limit: Int) async throws -> API.Events
  /// What the session tells those who follow it. Throws `notFound`.
  func feed(_ session: SessionID) async throws -> SessionFeed
  /// A reader that joins stored history to the live stream, with no gap and no duplicate.
  func cursor(_ session: SessionID, after: Int64) async throws -> any EventCursor
  /// Looks for words in one session or in all that `user` may see; the best matches first.
  func search(_ query: String, in session: SessionID?, limit: Int, by user: User) async throws -> [API.SearchHit]
  /// Erases a text from the session's log, artifacts and search, and from the snapshots that may hold it.
  func redact(_ session: SessionID, _ text: String, by user: User) async throws -> API.Redaction
  /// Tells whoever follows the session now of something that is no event. Nothing happens when nobody does.
  func signal(_ session: SessionID, _ signal: SessionSignal) async throws
  func artifact(_ session: SessionID, _ artifact: ArtifactID) async throws -> (Artifact, Data)
}

/// A client's place in a session's log. Pulling is what bounds memory: a slow client simply asks later.
package protocol EventCursor: Sendable {
  /// The next events, at most a few hundred KB together, and the signals since; waits until there are any.
  /// Throws `CancellationError` when the task is cancelled, `unavailable` when the server shuts down.
  mutating func next() async throws -> FeedNews
}

/// An event as it goes over the wire: encoded once, in its commit.
package struct EncodedEvent: Sendable, Equatable {
  package var seq: Int64
  package var kind: String
  package var json: Data

  package init(seq: Int64, kind: String, json: Data) {
    self.seq = seq
    self.kind = kind
    self.json = json
  }
}
