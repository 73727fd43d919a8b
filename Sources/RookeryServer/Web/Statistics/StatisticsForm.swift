import Foundation
import RookeryMetrics
import RookeryModel

/// Where a period, a repository and a time zone are chosen.
struct StatisticsForm: Sendable {
  var query: StatisticsQuery
  var span: Span
  var named: [RepositoryName]

  private static let periods = [("7d", "7 days"), ("30d", "30 days"), ("90d", "90 days"), ("12m", "12 months")]
  private static let zones = [
    "UTC", "America/Los_Angeles", "America/Denver", "America/Chicago", "America/New_York", "America/Sao_Paulo", "Europe/London",
    "Europe/Berlin", "Europe/Helsinki", "Africa/Johannesburg", "Asia/Dubai", "Asia/Kolkata", "Asia/Shanghai", "Asia/Tokyo",
    "Australia/Sydney", "Pacific/Auckland",
  ]

  var html: HTML {
    let chosen = query.until == nil ? query.since ?? "30d" : nil
    let links = Self.periods.map { period, name -> HTML in
      let current: HTML = period == chosen ? #" aria-current="page""# : ""
      return #"<a class="button secondary" href="\#(address(since: period))"\#(current)>\#(name)</a>"#
    }
    let options = named.map { name -> HTML in
      #"<option value="\#(name)"\#(name == query.repository ? " selected" : "" as HTML)>\#(name)</option>"#
    }
    let zones = Self.zones.map { zone -> HTML in #"<option value="\#(zone)"></option>"# }
    return """
      <nav class="periods" aria-label="Period">\(links)</nav>\
      <form class="period-form" method="get" action="/stats">\
      <label>From <input type="date" name="since" value="\(day(span.from))"></label>\
      <label>Until, not included <input type="date" name="until" value="\(query.until == nil ? "" : day(span.to))"></label>\
      <label>Repository <select name="repository"><option value="">All</option>\(options)</select></label>\
      <label>Time zone <input name="zone" list="zones" value="\(span.name)" maxlength="60" autocomplete="off" spellcheck="false"></label>\
      <datalist id="zones">\(zones)</datalist><button class="secondary">Show</button></form>
      """
  }

  private func day(_ date: Date) -> String {
    let parts = span.calendar.dateComponents([.year, .month, .day], from: date)
    return String(format: "%04d-%02d-%02d", parts.year ?? 0, parts.month ?? 0, parts.day ?? 0)
  }

  private func address(since: String) -> String {
    var components = URLComponents()
    components.path = "/stats"
    components.queryItems = [URLQueryItem(name: "since", value: since)]
    if let repository = query.repository { components.queryItems?.append(URLQueryItem(name: "repository", value: repository.rawValue)) }
    if let zone = query.zone { components.queryItems?.append(URLQueryItem(name: "zone", value: zone)) }
    return components.string ?? "/stats"
  }
}

/// How a step of a series is called.
struct BucketLabel: Sendable {
  var span: Span
  var step: Metrics.Step

  private static let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]

  /// `per day`
  var per: String { "per \(step.rawValue)" }

  func short(_ date: Date) -> String {
    let parts = self.parts(date)
    switch step {
    case .hour: return String(format: "%02d:%02d", parts.hour ?? 0, parts.minute ?? 0)
    case .day, .week: return "\(parts.day ?? 0) \(month(parts))"
    case .month: return "\(month(parts)) \((parts.year ?? 0) % 100)"
    }
  }

  func long(_ date: Date) -> String {
    let parts = self.parts(date)
    switch step {
    case .hour: return "\(parts.day ?? 0) \(month(parts)) \(short(date))"
    case .day: return "\(parts.day ?? 0) \(month(parts)) \(parts.year ?? 0)"
    case .week: return "Week from \(parts.day ?? 0) \(month(parts)) \(parts.year ?? 0)"
    case .month: return "\(month(parts)) \(parts.year ?? 0)"
    }
  }

  private func parts(_ date: Date) -> DateComponents {
    span.calendar.dateComponents([.year, .month, .day, .hour, .minute], from: date)
  }

  private func month(_ parts: DateComponents) -> String { Self.months[max(0, min(11, (parts.month ?? 1) - 1))] }
}
