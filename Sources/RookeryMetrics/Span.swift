import Foundation
import RookeryModel

/// A half-open period and the time zone by whose days it is divided.
package struct Span: Sendable, Equatable {
  package var from: Date
  package var to: Date
  package var zone: TimeZone

  package init(from: Date, to: Date, zone: TimeZone) {
    self.from = from
    self.to = to
    self.zone = zone
  }

  /// Steps that a series has at most.
  package static let longestSeries = 800

  package var period: Metrics.Period { Metrics.Period(from: from, to: to, zone: name) }

  /// The zone's name; Foundation calls UTC after Greenwich.
  package var name: String { ["GMT", "Etc/UTC"].contains(zone.identifier) ? "UTC" : zone.identifier }

  /// The zone's calendar, with weeks from Monday.
  package var calendar: Calendar {
    var calendar = Calendar(identifier: .iso8601)
    calendar.timeZone = zone
    return calendar
  }

  /// The period's days, weeks (from Monday) or months by its zone's calendar, cut at its ends; days are 23 or 25 hours long where
  /// clocks are changed. Throws `badRequest` when there would be too many.
  package func steps(_ step: Metrics.Step) throws -> [Span] {
    var spans: [Span] = []
    var start = from
    while start < to {
      guard spans.count < Self.longestSeries else {
        throw RookeryError(
          .badRequest, "The period has more than \(Self.longestSeries) steps of one \(step.rawValue).",
          mend: "Ask for a shorter period or longer steps.")
      }
      let end = min(end(of: step, containing: start), to)
      spans.append(Span(from: start, to: end, zone: zone))
      start = end
    }
    return spans
  }

  /// Steps that give a readable picture of the period.
  package var usualStep: Metrics.Step {
    switch to.timeIntervalSince(from) {
    case ..<(2.5 * 86_400): .hour
    case ..<(63 * 86_400): .day
    case ..<(400 * 86_400): .week
    default: .month
    }
  }

  private func end(of step: Metrics.Step, containing date: Date) -> Date {
    // An hour of the clock that is repeated is two hours: they are counted in elapsed time.
    if step == .hour {
      let offset = TimeInterval(zone.secondsFromGMT(for: date) % 3600)
      let since = date.timeIntervalSinceReferenceDate + offset
      return Date(timeIntervalSinceReferenceDate: ((since / 3600).rounded(.down) + 1) * 3600 - offset)
    }
    let component: Calendar.Component = step == .day ? .day : step == .week ? .weekOfYear : .month
    guard let interval = calendar.dateInterval(of: component, for: date), interval.end > date else {
      return date.addingTimeInterval(86_400)
    }
    return interval.end
  }

  // MARK: As people write them

  /// Reads a period.
  ///
  /// A point in time is `2026-11-25` (when that day begins in the zone), `2026-11-25T10:00:00Z`, `now`, `today`, or how long ago:
  /// `12h`, `7d` (days of the zone's calendar, from the beginning of that day), `4w`, `6m`.
  /// - Parameters:
  ///   - since: where it begins; absent: `30d`.
  ///   - until: where it ends, itself not included; absent: `now`.
  ///   - zone: a name such as `Europe/Berlin`; absent: UTC.
  package static func read(since: String?, until: String?, zone: String?, now: Date = Date()) throws -> Span {
    let zone = try timeZone(zone)
    let from = try point(since ?? "30d", name: "since", zone: zone, now: now)
    let to = try point(until ?? "now", name: "until", zone: zone, now: now)
    guard from < to else {
      throw RookeryError(
        .badRequest, "The period ends before it begins.",
        mend: "“until” must be later than “since”: the day that it names is not part of the period.")
    }
    return Span(from: from, to: to, zone: zone)
  }

  private static func timeZone(_ name: String?) throws -> TimeZone {
    guard let name, !name.isEmpty else { return .gmt }
    // Abbreviations are ambiguous, and Foundation takes them: only names of the database, and UTC.
    guard name == "UTC" || name.contains("/"), let zone = TimeZone(identifier: name) else {
      throw RookeryError(
        .badRequest, "“\(name.prefix(60))” is no time zone.", mend: "Use a name such as “Europe/Berlin”, “America/New_York” or “UTC”.")
    }
    return zone
  }

  private static func point(_ text: String, name: String, zone: TimeZone, now: Date) throws -> Date {
    let calendar = Span(from: now, to: now, zone: zone).calendar
    if text == "now" { return now }
    if text == "today" { return calendar.startOfDay(for: now) }
    if let match = text.wholeMatch(of: /([0-9]{1,4})([hdwm])/), let count = Int(match.output.1) {
      if match.output.2 == "h" { return now.addingTimeInterval(TimeInterval(-3600 * count)) }
      let component: Calendar.Component = match.output.2 == "m" ? .month : .day
      let days = match.output.2 == "w" ? 7 * count : count
      if let date = calendar.date(byAdding: component, value: -days, to: now) { return calendar.startOfDay(for: date) }
    }
    if let match = text.wholeMatch(of: /([0-9]{4})-([0-9]{2})-([0-9]{2})/), let year = Int(match.output.1),
      let month = Int(match.output.2), let day = Int(match.output.3)
    {
      // Noon exists on every day, and the beginning of the day that it is in is found from there.
      let noon = DateComponents(year: year, month: month, day: day, hour: 12)
      if let date = calendar.date(from: noon), calendar.component(.day, from: date) == day,
        calendar.component(.month, from: date) == month, year >= 2000, year < 2200
      {
        return calendar.startOfDay(for: date)
      }
    }
    // Foundation takes the 25th hour, too: only what reads back the same is a time.
    if text.utf8.count <= 40, text.hasSuffix("Z"), text.contains("T"), let date = Timestamp.date(text),
      Timestamp.text(date).prefix(19) == text.prefix(19)
    {
      return date
    }
    throw RookeryError(
      .badRequest, "“\(name)” is “\(text.prefix(60))”, which is no point in time.",
      mend: "Use a day such as 2026-11-25, a time such as 2026-11-25T10:00:00Z, or how long ago: 12h, 7d, 4w, 6m.")
  }
}
