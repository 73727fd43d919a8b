import RookeryModel

/// What the server asks of the part that keeps warm sandboxes.
package protocol WarmControl: Sendable {
  /// `user` is about to begin a session of the repository: makes sure that a sandbox is, or gets, ready. Throws `repositoryUnknown`.
  func warm(_ repository: RepositoryName, for user: UserID) async throws
  /// Throws `repositoryUnknown`.
  func pool(of repository: RepositoryName) async throws -> API.Pool
}
