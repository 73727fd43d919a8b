/// Decides when a process has ended for its clients: it was reaped and its output pipes are at their end — or, when something that it
/// started holds them open, all that it left in them was read and nothing more came for a while. Times are milliseconds.
package struct ExitWatch: Sendable {
  package static let quiet: UInt64 = 500
  package static let longest: UInt64 = 5000

  package enum Verdict: Sendable, Equatable {
    case wait(until: UInt64?)
    /// Nobody waits for what else may come: close the pipes.
    case closePipes
    case ended(ExitStatus)
  }

  private var status: ExitStatus?
  private var reaped: UInt64 = 0
  private var activity: UInt64 = 0
  /// What was left in the pipes when the process was reaped and has not been read yet.
  private var owed = OutputOffsets()
  private var open: Set<OutputStream> = Set(OutputStream.allCases)

  package init() {}

  package var isReaped: Bool { status != nil }

  package mutating func reaped(_ status: ExitStatus, left: OutputOffsets, now: UInt64) {
    self.status = status
    owed = left
    reaped = now
    activity = now
  }

  package mutating func read(_ stream: OutputStream, _ count: UInt64, now: UInt64) {
    owed[stream] -= min(owed[stream], count)
    activity = max(activity, now)
  }

  /// Reading was held up, and goes on from now.
  package mutating func resumed(now: UInt64) { activity = max(activity, now) }

  package mutating func closed(_ stream: OutputStream) {
    open.remove(stream)
    owed[stream] = 0
  }

  /// `isHeldUp`: output waits for room in the journal.
  package func verdict(now: UInt64, isHeldUp: Bool) -> Verdict {
    guard let status else { return .wait(until: nil) }
    if isHeldUp { return .wait(until: nil) }
    if open.isEmpty { return .ended(status) }
    guard owed == OutputOffsets() else { return .wait(until: nil) }
    let deadline = min(activity + Self.quiet, reaped + Self.longest)
    return now >= deadline ? .closePipes : .wait(until: deadline)
  }
}
