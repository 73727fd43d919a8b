import Foundation
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

  /// Runs `body` and notes how long it took.
  package nonisolated func timed<Value: Sendable>(
    _ what: String, step: String, _ body: @Sendable () async throws -> Value
  ) async throws -> Value {
    let started = ContinuousClock.now
    let value = try await body()
    try await note("\(what) in \(Self.text(ContinuousClock.now - started))", step: step)
    return value
  }

  /// `3.4 s`, `2 min 5 s`.
  static func text(_ elapsed: Duration) -> String {
    let tenths = elapsed / .milliseconds(100)
    guard tenths >= 600 else { return "\((tenths.rounded() / 10).formatted(.number.precision(.fractionLength(1)))) s" }
    let seconds = Int((tenths / 10).rounded())
    return "\(seconds / 60) min \(seconds % 60) s"
  }
}
