import Synchronization

/// What the server process measures of itself, from its start on.
package final class Instruments: Sendable {
  /// By method, route template and status class: all of them ours, so their number is bounded.
  package let requests = Histogram(
    "rookery_http_request_duration_seconds", "Time until an answer begins, by route template.", labels: ["method", "route", "status"],
    bounds: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10])
  /// One commit of a session: until it is on disk.
  package let commits = Histogram(
    "rookery_session_commit_duration_seconds", "Time for which a commit of a session waits for the disk.",
    bounds: [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1, 5])
  private let streams = Atomic<Int>(0)

  package init() {}

  /// Event streams that are open.
  package var readers: Int { streams.load(ordering: .relaxed) }

  package func readerCame() { streams.add(1, ordering: .relaxed) }
  package func readerWent() { streams.subtract(1, ordering: .relaxed) }
}
