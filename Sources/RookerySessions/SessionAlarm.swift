import Foundation

/// What a session's alarms are for.
enum SessionAlarm: String, CaseIterable {
  /// The session has been idle for a while: its sandbox stands still.
  case pause
  /// It has been idle for long: its sandbox makes room and leaves a snapshot.
  case release
  /// The sandbox's own time is nearly over.
  case lifetime

  /// The wait before an alarm that rang in vain for the `attempts`th time rings again; nil when that is enough.
  ///
  /// Doubled from 5 s up to 10 minutes, spread by `jitter` in 0…1 so that many sessions with one trouble don't ring together.
  static func delay(afterAttempts attempts: Int, jitter: Double) -> Duration? {
    guard attempts <= 8 else { return nil }
    let seconds = min(600, 5 * pow(2, Double(attempts - 1)))
    return .milliseconds(Int(seconds * (0.5 + jitter) * 1000))
  }
}
