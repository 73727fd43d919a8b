import Foundation
import RookeryModel
import RookeryStore

/// A write that waits to go to disk together with others.
struct GatheredWrite {
  let body: (SessionTransaction) throws -> [StoredEvent]
  let succeed: () -> Void
  let fail: (any Error) -> Void
}

extension LiveSession {
  /// Commits `body` together with whatever else waits: while one flush is on its way to the disk the next gathers, so that many
  /// requests at once cost few flushes. A body that throws is undone alone.
  func gather<Value: Sendable>(
    _ body: @escaping @Sendable (SessionTransaction) throws -> (events: [StoredEvent], value: Value)
  ) async throws -> Value {
    try await withCheckedThrowingContinuation { (done: CheckedContinuation<Value, any Error>) in
      var outcome: Result<Value, any Error> = .failure(RookeryError(.internal, "A write had no outcome.", mend: "Try again."))
      gathered.append(
        GatheredWrite(
          body: { transaction in
            let (events, value) = try body(transaction)
            outcome = .success(value)
            return events
          },
          succeed: { done.resume(with: outcome) }, fail: { done.resume(throwing: $0) }))
      // Runs behind everything that waits for this actor now: all of that is in the flush.
      if gathered.count == 1 { Task { self.flush() } }
    }
  }

  private func flush() {
    let writes = gathered
    gathered = []
    guard !writes.isEmpty else { return }
    var failures: [Int: any Error] = [:]
    do {
      // What is gathered has nothing to do with the turn that runs.
      try commit { transaction in
        var events: [StoredEvent] = []
        failures = [:]
        for (place, write) in writes.enumerated() {
          do {
            events += try transaction.part { try write.body(transaction) }
          } catch let error as RookeryError where error.code != .diskFull && error.code != .internal {
            failures[place] = error
          }
        }
        return events
      }
      for (place, write) in writes.enumerated() {
        if let failure = failures[place] { write.fail(failure) } else { write.succeed() }
      }
    } catch {
      for write in writes { write.fail(error) }
    }
  }
}
