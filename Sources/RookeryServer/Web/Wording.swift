import Foundation
import RookeryModel

/// How figures, times and states are worded on the page.
enum Wording {
  /// `40 ms`, `1.2 s`, `34 s`, `2 min 5 s`, `1 h 3 min`.
  static func duration(milliseconds: Int) -> String {
    switch milliseconds {
    case ..<1000: return "\(max(0, milliseconds)) ms"
    case ..<10_000: return "\(milliseconds / 1000).\(milliseconds % 1000 / 100) s"
    case ..<60_000: return "\(milliseconds / 1000) s"
    case ..<3_600_000:
      let seconds = milliseconds / 1000 % 60
      return "\(milliseconds / 60_000) min" + (seconds == 0 ? "" : " \(seconds) s")
    default: return "\(milliseconds / 3_600_000) h \(milliseconds / 60_000 % 60) min"
    }
  }

  static func duration(from start: Date, to end: Date) -> String {
    duration(milliseconds: Int(end.timeIntervalSince(start) * 1000))
  }

  /// `512 B`, `4.2 kB`, `1.3 MB`.
  static func size(_ bytes: Int) -> String {
    switch bytes {
    case ..<1000: "\(bytes) B"
    case ..<1_000_000: "\(bytes / 1000).\(bytes % 1000 / 100) kB"
    default: "\(bytes / 1_000_000).\(bytes % 1_000_000 / 100_000) MB"
    }
  }

  /// `18,204`
  static func count(_ number: Int) -> String {
    let digits = String(number.magnitude)
    let grouped = digits.enumerated().map { index, digit in
      (index > 0 && (digits.count - index).isMultiple(of: 3) ? "," : "") + String(digit)
    }
    return (number < 0 ? "−" : "") + grouped.joined()
  }

  static func plural(_ number: Int, _ one: String, _ many: String) -> String { "\(count(number)) \(number == 1 ? one : many)" }

  /// A time that the page's script turns into the reader's own; without the script it is UTC.
  static func time(_ date: Date) -> HTML {
    let text = Timestamp.text(date)
    return #"<time datetime="\#(text)">\#(text.prefix(16).replacingOccurrences(of: "T", with: " ")) UTC</time>"#
  }

  static func shortCommit(_ commit: String) -> String { String(commit.prefix(8)) }

  static func step(_ step: TurnStep) -> String {
    switch step {
    case .sandbox: "Sandbox"
    case .checkout: "Checkout"
    case .agent: "Agent start"
    case .work: "Work"
    case .commit: "Commit"
    case .push: "Push"
    case .pullRequest: "Pull request"
    case .snapshot: "Snapshot"
    }
  }

  /// The session's state as one word, and the class of its mark.
  static func state(_ session: SessionSummary) -> (text: String, mark: String) {
    switch session.state {
    case .queued: ("Queued", "queued")
    case .running: ("Running", "running")
    case .stopping: ("Stopping", "stopping")
    case .idle:
      switch session.lastResult {
      case .completed: ("Done", "completed")
      case .failed: ("Failed", "failed")
      case .interrupted: ("Stopped", "interrupted")
      case nil: ("Idle", "idle")
      }
    }
  }

  static func stateMark(_ session: SessionSummary) -> HTML {
    let (text, mark) = state(session)
    return #"<span class="state state-\#(mark)">\#(text)</span>"#
  }
}
