import Foundation

/// Numbers as people read them.
package enum Quantity {
  /// `0.4 s`, `12 s`, `3 min 05 s`, `1 h 02 min`.
  package static func text(_ duration: Duration) -> String {
    let seconds = Double(duration.components.seconds) + Double(duration.components.attoseconds) / 1e18
    return text(seconds: max(0, seconds))
  }

  package static func text(seconds: Double) -> String {
    if seconds < 9.95 { return String(format: "%.1f s", seconds) }
    let whole = Int(seconds.rounded())
    if whole < 60 { return "\(whole) s" }
    if whole < 3600 { return String(format: "%d min %02d s", whole / 60, whole % 60) }
    return String(format: "%d h %02d min", whole / 3600, whole % 3600 / 60)
  }

  /// `812 B`, `4.1 KB`, `260 MB`.
  package static func text(bytes: Int) -> String {
    var value = Double(bytes)
    guard value >= 1000 else { return "\(bytes) B" }
    for unit in ["KB", "MB", "GB", "TB"] {
      value /= 1000
      if value < 999.5 || unit == "TB" { return String(format: value < 9.95 ? "%.1f %@" : "%.0f %@", value, unit) }
    }
    return "\(bytes) B"
  }

  /// `just now`, `5 min ago`, `3 h ago`, `2 d ago`.
  package static func ago(_ date: Date, now: Date = Date()) -> String {
    let seconds = now.timeIntervalSince(date)
    switch seconds {
    case ..<45: return "just now"
    case ..<5400: return "\(Int((seconds / 60).rounded())) min ago"
    case ..<129_600: return "\(Int((seconds / 3600).rounded())) h ago"
    default: return "\(Int((seconds / 86400).rounded())) d ago"
    }
  }
}
