import RookeryConfiguration
import RookeryModel

/// One of a repository's own services, as a value: each call says what happened and returns what to do.
///
/// Valid transitions: `starting → ready → ended`, `starting → failed`. A starter that succeeds and leaves its service in the
/// background ends without the service's end: readiness is then all that is known of it.
package struct ServiceState: Sendable, Equatable {
  package enum Phase: String, Sendable, Codable { case starting, ready, failed, ended }

  package enum Action: Sendable, Equatable {
    /// Tell people.
    case report(ServiceChanged)
    /// Ask once more whether it can be used; the answer comes as `checked`.
    case check
    /// Stop asking whether it is ready, and end what it started.
    case stop
  }

  package let name: String
  package private(set) var phase = Phase.starting

  /// - Parameter known: what was reported of it before, by an earlier server for instance.
  package init(name: String, known: ServiceChanged.State? = nil) {
    self.name = name
    phase =
      switch known {
      case nil: .starting
      case .ready: .ready
      case .failed: .failed
      case .ended: .ended
      }
  }

  /// Whether nobody needs to wait for it any longer.
  package var isSettled: Bool { phase != .starting }

  /// Its readiness check succeeded.
  package mutating func becameReady() -> [Action] {
    guard phase == .starting else { return [] }
    return change(to: .ready, .ready, "")
  }

  /// Its time to become ready is over. `line` is the last that it wrote.
  package mutating func timedOut(after seconds: Int, line: String) -> [Action] {
    guard phase == .starting else { return [] }
    return change(to: .failed, .failed, Self.joined("not ready within \(seconds) s", line)) + [.stop]
  }

  /// It could not be started or watched.
  package mutating func broke(_ reason: String) -> [Action] {
    guard phase == .starting else { return [] }
    return change(to: .failed, .failed, reason)
  }

  /// Its command ended.
  package mutating func exited(_ exit: ProcessExit, line: String) -> [Action] {
    switch phase {
    case .starting where exit.succeeded: []
    case .starting: change(to: .failed, .failed, Self.joined(exit.text, line)) + [.stop]
    case .ready where exit.succeeded: [.check]
    case .ready: change(to: .ended, .ended, Self.joined(exit.text, line))
    case .failed, .ended: []
    }
  }

  /// The answer to `check`, after its command ended well.
  package mutating func checked(isReady: Bool) -> [Action] {
    guard phase == .ready, !isReady else { return [] }
    return change(to: .ended, .ended, "exit 0")
  }

  private mutating func change(to phase: Phase, _ state: ServiceChanged.State, _ detail: String) -> [Action] {
    self.phase = phase
    return [.report(ServiceChanged(name: name, state: state, detail: detail))]
  }

  private static func joined(_ what: String, _ line: String) -> String { line.isEmpty ? what : "\(what): \(line)" }
}
