import RookeryMetrics
import RookeryModel

/// The figures that the server shows: what was derived from sessions, and what it measures itself.
package struct ServerMetrics: Sendable {
  package var store: MetricsStore
  package var instruments: Instruments
  /// Derives everything anew from the sessions' files.
  package var rebuild: @Sendable () async throws -> Metrics.Rebuilt
  /// Sandboxes by state; throws while the host does not answer.
  package var sandboxes: @Sendable () async throws -> [String: Int]

  package init(
    store: MetricsStore, instruments: Instruments, rebuild: @escaping @Sendable () async throws -> Metrics.Rebuilt,
    sandboxes: @escaping @Sendable () async throws -> [String: Int]
  ) {
    self.store = store
    self.instruments = instruments
    self.rebuild = rebuild
    self.sandboxes = sandboxes
  }
}
