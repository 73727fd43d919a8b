import RookeryModel

/// What the server asks of the part that keeps repositories and builds their images.
package protocol RepositoryControl: Sendable {
  /// Throws `conflict` when the name is taken, `repositoryUnreachable` or `repositoryEmpty` when the remote can't be used.
  func add(_ request: API.AddRepository) async throws -> Repository
  /// By name.
  func list() async throws -> [Repository]
  /// Throws `repositoryUnknown`.
  func get(_ name: RepositoryName) async throws -> Repository
  func remove(_ name: RepositoryName) async throws
  /// Starts a build, or returns the one that runs. Nothing is built where nothing changed, unless `force`.
  func build(_ name: RepositoryName, reason: BuildSummary.Reason, force: Bool) async throws -> BuildSummary
  /// Lines of the newest build after line number `after`; waits up to `wait` for the first while the build runs.
  func buildLog(_ name: RepositoryName, after: Int, wait: Duration) async throws -> API.BuildLog
  /// Every image that is kept, the newest first.
  func images() async throws -> API.Images
}
