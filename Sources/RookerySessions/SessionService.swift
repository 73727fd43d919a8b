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
  /// Newest first.
  func sessions(repository: RepositoryName?, limit: Int) async throws -> [SessionSummary]
  func detail(_ session: SessionID) async throws -> API.SessionDetail
  /// At most `limit` events after `after`, in order.
  func events(_ session: SessionID, after: Int64, limit: Int) async throws -> API.Events
  /// A reader that joins stored history to the live stream, with no gap and no duplicate.
  func cursor(_ session: SessionID, after: Int64) async throws -> any EventCursor
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
