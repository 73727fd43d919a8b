import Foundation
import RookeryModel

/// The figures of the period, each with what it rests on.
struct StatisticsTiles: Sendable {
  var figures: Metrics.Figures

  var html: HTML {
    let wait = figures.timeToFirstToken
    let spend = figures.spend
    let tiles: [HTML] = [
      Self.tile("Sessions", Wording.count(figures.sessions), "\(Wording.count(figures.prompts)) prompts, \(cancelled)"),
      Self.tile("People", Wording.count(figures.users), "who prompted"),
      Self.tile(
        "Pull requests", Wording.count(figures.pullRequestsCreated), "created; \(Wording.count(figures.pullRequestsMerged)) merged"),
      Self.ratio("Merge rate", figures.mergeRate, "of those created are merged"),
      Self.tile(
        "Time to first token", wait.mean.map { Wording.duration(milliseconds: $0) },
        Self.latencies(wait)),
      Self.ratio("Sessions of several people", figures.multiplayer, "sessions"),
      Self.ratio("Completed", figures.completed, "sessions"),
      Self.tile(
        "Prompts a session", figures.promptsPerSession.value.map { String(format: "%.1f", $0) },
        "\(Wording.count(figures.promptsPerSession.numerator)) in \(Wording.count(figures.promptsPerSession.denominator)) sessions"),
      Self.tile(
        "Turns", Wording.count(figures.turns.completed + figures.turns.failed + figures.turns.interrupted),
        "\(Wording.count(figures.turns.failed)) failed, \(Wording.count(figures.turns.interrupted)) stopped"),
      Self.tile(
        "Tokens", spend.requests == 0 ? nil : Self.large(spend.inputTokens + spend.outputTokens),
        "\(Self.large(spend.inputTokens)) in, \(Self.large(spend.outputTokens)) out, \(Wording.plural(spend.requests, "request", "requests"))"
      ),
      Self.tile(
        "Cost", spend.costMicroUSD.map(Self.dollars),
        spend.unpricedRequests == 0 ? "all requests priced" : "\(Wording.count(spend.unpricedRequests)) requests without a price"),
    ]
    return tiles.joined()
  }

  private var cancelled: String {
    figures.cancelledPrompts == 0 ? "none cancelled" : "\(Wording.count(figures.cancelledPrompts)) cancelled"
  }

  private static func latencies(_ wait: Metrics.Latency) -> String {
    guard let p50 = wait.p50, let p90 = wait.p90 else { return "0 of \(Wording.plural(wait.of, "session", "sessions"))" }
    return "average; median \(Wording.duration(milliseconds: p50)), 90th percentile \(Wording.duration(milliseconds: p90)); "
      + "\(Wording.count(wait.samples)) of \(Wording.plural(wait.of, "session", "sessions"))"
  }

  private static func ratio(_ title: String, _ ratio: Metrics.Ratio, _ what: String) -> HTML {
    tile(title, ratio.value.map(percent), "\(Wording.count(ratio.numerator)) of \(Wording.count(ratio.denominator)) \(what)")
  }

  private static func tile(_ title: String, _ value: String?, _ detail: String) -> HTML {
    let shown: HTML = value.map { #"<dd class="figure">\#($0)</dd>"# } ?? #"<dd class="figure no-data">no data</dd>"#
    return #"<div class="tile"><dt>\#(title)</dt>\#(shown)<dd class="detail">\#(detail)</dd></div>"#
  }

  /// `42 %`, `0.4 %`
  static func percent(_ value: Double) -> String {
    let percent = value * 100
    return (percent > 0 && percent < 1) || (percent > 99 && percent < 100)
      ? String(format: "%.1f %%", percent) : String(format: "%.0f %%", percent)
  }

  /// `812`, `48.2 k`, `3.1 M`, `400 k`
  static func large(_ number: Int) -> String {
    guard number >= 10_000 else { return Wording.count(number) }
    let (unit, name) = number < 1_000_000 ? (1000, "k") : number < 1_000_000_000 ? (1_000_000, "M") : (1_000_000_000, "G")
    let tenths = number / (unit / 10)
    return tenths.isMultiple(of: 10) ? "\(Wording.count(tenths / 10)) \(name)" : "\(Wording.count(tenths / 10)).\(tenths % 10) \(name)"
  }

  /// `$0.0042`, `$1.20`, `$1,204`
  static func dollars(_ micro: Int) -> String {
    let dollars = Double(micro) / 1_000_000
    if micro > 0, dollars < 0.1 { return String(format: "$%.4f", dollars) }
    return dollars < 1000 ? String(format: "$%.2f", dollars) : "$" + Wording.count(Int(dollars.rounded()))
  }
}
