import RookeryModel

/// A build's log on its way to where it is kept: lines are collected and stored a batch at a time, since a batch costs one
/// synchronous write.
package actor BuildLog {
  package typealias Store = @Sendable ([BuildLine]) async throws -> Void

  private let store: Store
  private var limiter: LogLimiter
  private var pending: [BuildLine] = []
  private var storing: Task<Void, any Error>?
  private var step = "prepare"

  /// Lines are stored at the latest when this many wait; until then a producer doesn't wait for the store.
  private let batch: Int

  package init(limit: Int = 10_000, batch: Int = 256, store: @escaping Store) {
    self.store = store
    self.batch = batch
    limiter = LogLimiter(limit: limit)
  }

  /// Output of `step`. Waits for the store when it lags behind, which slows the producer down.
  package func add(_ lines: [String], step: String) async throws {
    self.step = step
    for text in lines {
      if let line = limiter.line(step, text) { pending.append(line) }
    }
    if pending.count >= batch { try await flush() }
  }

  /// A line of ours, kept even when the log is full.
  package func note(_ text: String, step: String) async throws {
    self.step = step
    pending.append(limiter.notice(step, text))
    try await flush()
  }

  /// Stores what waits. Batches are stored one after another.
  package func flush() async throws {
    if let storing { try await storing.value }
    guard !pending.isEmpty, storing == nil else { return }
    let lines = pending
    pending = []
    let work = Task { try await store(lines) }
    storing = work
    defer { storing = nil }
    try await work.value
  }

  /// Stores the rest, with the number of lines that were not kept.
  package func close() async throws {
    if let line = limiter.closing(step) { pending.append(line) }
    while !pending.isEmpty { try await flush() }
  }
}
