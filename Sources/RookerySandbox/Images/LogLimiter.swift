import RookeryModel

/// Numbers the lines of a log and keeps the first `limit` of them; the rest is counted and told once, at the end.
struct LogLimiter {
  let limit: Int
  private var last = 0
  private var omitted = 0

  init(limit: Int = 10_000) { self.limit = limit }

  /// The line as it is kept; nil when the log is full.
  mutating func line(_ step: String, _ text: String) -> BuildLine? {
    guard last < limit else {
      omitted += 1
      return nil
    }
    last += 1
    return BuildLine(number: last, step: step, text: text)
  }

  /// A line of ours, such as the reason of a failure: kept even when the log is full.
  mutating func notice(_ step: String, _ text: String) -> BuildLine {
    last += 1
    return BuildLine(number: last, step: step, text: text)
  }

  /// How many lines were not kept, as a last line; nil when all were.
  mutating func closing(_ step: String) -> BuildLine? {
    guard omitted > 0 else { return nil }
    defer { omitted = 0 }
    return notice(step, "\(omitted) further lines of output were not kept (the log holds \(limit)).")
  }
}
