import Foundation
import RookeryModel

/// Figures as `rookery stats` words them: what rests on nothing is “no data”, and a ratio says of how many.
package enum StatsText {
  /// The machine's time zone, UTC where it has no name of the database.
  package static var localZone: String { TimeZone.current.identifier.contains("/") ? TimeZone.current.identifier : "UTC" }

  package static func encoded(_ value: String) -> String {
    var allowed = CharacterSet(charactersIn: "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789")
    allowed.insert(charactersIn: "-._~")
    return value.addingPercentEncoding(withAllowedCharacters: allowed) ?? ""
  }

  package static func heading(_ period: Metrics.Period, _ repository: RepositoryName?) -> String {
    let from = time(period.from, zone: period.zone, withHours: true)
    let to = time(period.to, zone: period.zone, withHours: true)
    return "\(repository.map { "\($0), " } ?? "")\(from) to \(to) (\(period.zone))"
  }

  package static func time(_ date: Date, zone: String, withHours: Bool) -> String {
    var calendar = Calendar(identifier: .iso8601)
    calendar.timeZone = TimeZone(identifier: zone) ?? .gmt
    let parts = calendar.dateComponents([.year, .month, .day, .hour, .minute], from: date)
    let day = String(format: "%04d-%02d-%02d", parts.year ?? 0, parts.month ?? 0, parts.day ?? 0)
    return withHours ? day + String(format: " %02d:%02d", parts.hour ?? 0, parts.minute ?? 0) : day
  }

  package static func lines(_ figures: Metrics.Figures) -> [(String, String)] {
    let cancelled = figures.cancelledPrompts == 0 ? "" : ", and \(figures.cancelledPrompts) cancelled"
    let latency = figures.timeToFirstToken
    var lines = [
      ("Sessions", "\(figures.sessions)"), ("Prompts", "\(figures.prompts)\(cancelled)"), ("People", "\(figures.users)"),
      ("Prompts a session", average(figures.promptsPerSession)), ("Sessions of several", ratio(figures.multiplayer)),
      ("Sessions completed", ratio(figures.completed)),
      (
        "Turns",
        "\(figures.turns.completed) completed, \(figures.turns.failed) failed, \(figures.turns.interrupted) stopped"
      ),
      ("Pull requests created", "\(figures.pullRequestsCreated)"), ("Pull requests merged", "\(figures.pullRequestsMerged)"),
      ("Merge rate", ratio(figures.mergeRate)),
    ]
    if latency.samples == 0 {
      lines.append(("Time to first token", "no data (0 of \(latency.of) sessions)"))
    } else {
      lines.append(
        (
          "Time to first token",
          "\(wait(latency.mean)) on average; median \(wait(latency.p50)), 90 % \(wait(latency.p90)), 99 % \(wait(latency.p99)) "
            + "(\(latency.samples) of \(latency.of) sessions)"
        ))
    }
    lines.append(
      (
        "Tokens",
        figures.spend.requests == 0
          ? "no data" : "\(figures.spend.inputTokens) in, \(figures.spend.outputTokens) out, \(figures.spend.requests) requests"
      ))
    let unpriced = figures.spend.unpricedRequests
    lines.append(("Cost", cost(figures.spend) + (unpriced == 0 ? "" : " (\(unpriced) requests have no price)")))
    return lines
  }

  /// `67 % (2 of 3)`
  package static func ratio(_ ratio: Metrics.Ratio) -> String {
    guard let value = ratio.value else { return "no data" }
    return String(format: "%.0f %% (%d of %d)", value * 100, ratio.numerator, ratio.denominator)
  }

  /// `1.5 (3 in 2)`
  package static func average(_ ratio: Metrics.Ratio) -> String {
    guard let value = ratio.value else { return "no data" }
    return String(format: "%.1f (%d in %d)", value, ratio.numerator, ratio.denominator)
  }

  package static func wait(_ milliseconds: Int?) -> String {
    guard let milliseconds else { return "no data" }
    return milliseconds < 1000 ? "\(milliseconds) ms" : Quantity.text(.milliseconds(milliseconds))
  }

  package static func tokens(_ spend: Metrics.Spend) -> String {
    spend.requests == 0 ? "no data" : "\(spend.inputTokens + spend.outputTokens)"
  }

  /// `$0.0042`, `$1.20`
  package static func cost(_ spend: Metrics.Spend) -> String {
    guard let micro = spend.costMicroUSD else { return "no data" }
    let dollars = Double(micro) / 1_000_000
    return String(format: micro > 0 && dollars < 0.1 ? "$%.4f" : "$%.2f", dollars)
  }
}
