import RookeryConfiguration
import RookeryModel

/// Lets sandboxes start as long as the host has room, and the others wait in turn.
package actor StartGate {
  private var queue: StartQueue
  private var admitted: Set<StartQueue.Place> = []
  private let capacity: @Sendable () async throws -> HostCapacity
  /// Between two looks at the host while something waits.
  private let period: Duration

  package init(
    rules: Configuration.Capacity, period: Duration = .seconds(1), capacity: @escaping @Sendable () async throws -> HostCapacity
  ) {
    queue = StartQueue(rules: rules)
    self.period = period
    self.capacity = capacity
  }

  /// Returns once a sandbox with these limits may be started for `user`; call `leave` once it was, or was not. `waiting` is told when it
  /// has to wait, and whenever its place changes. Throws what the host throws, and `CancellationError`.
  package func enter(
    user: String, need: Limits, waiting: @Sendable (SandboxAwaited) async -> Void = { _ in }
  ) async throws -> StartQueue.Place {
    let place = queue.enter(user: user, need: need)
    var told: SandboxAwaited?
    do {
      while true {
        let capacity = try await capacity()
        try Task.checkCancellation()
        admitted.formUnion(queue.admit(capacity))
        if admitted.remove(place) != nil { return place }
        if let news = queue.position(of: place, capacity), news != told {
          told = news
          await waiting(news)
        }
        try await Task.sleep(for: period)
      }
    } catch {
      leave(place)
      throw error
    }
  }

  /// Whether something waits.
  package var isAwaited: Bool { !queue.isEmpty }

  package func leave(_ place: StartQueue.Place) {
    admitted.remove(place)
    queue.leave(place)
  }

  /// What is lacking for one more sandbox that nobody waits for; nil: there is room, and nobody is kept from it.
  package func lacking(for need: Limits) async throws -> LimitName? {
    let capacity = try await capacity()
    if let lacking = queue.lacking(for: need, capacity) { return lacking }
    return queue.isEmpty ? nil : .memory
  }
}
