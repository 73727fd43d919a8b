import RookeryModel
import RookeryRunner

/// One consumer of a process's output. When nobody holds it any more, the runner is told to stop sending.
final class OutputSubscription: Sendable {
  private let connection: RunnerConnection
  private let follower: UInt64

  init(connection: RunnerConnection, process: ProcessID, from offsets: StreamOffsets, window: Int) {
    self.connection = connection
    follower = connection.link.follow(
      process.rawValue, from: OutputOffsets(stdout: offsets.stdout, stderr: offsets.stderr), window: max(1, window))
  }

  /// The next event; nil after the exit.
  func next() async throws -> ProcessEvent? {
    do {
      return try await connection.link.nextEvent(follower)
    } catch let failure as RunnerFailure {
      throw failure.error(nil)
    }
  }

  deinit { connection.link.unfollow(follower) }
}
