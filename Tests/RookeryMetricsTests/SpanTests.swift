import Foundation
import RookeryModel
import Testing

@testable import RookeryMetrics

/// Periods as people write them, and the days of zones where clocks are changed.
@Suite struct SpanTests {
  private func span(_ since: String?, _ until: String?, _ zone: String?, now: String = "2026-11-25T12:00:00Z") throws -> Span {
    try Span.read(since: since, until: until, zone: zone, now: try day(now))
  }

  private func hours(_ spans: [Span]) -> [Double] { spans.map { $0.to.timeIntervalSince($0.from) / 3600 } }

  @Test func aDayBeginsWhereItsZoneSays() throws {
    #expect(try span("2026-11-01", "2026-11-02", nil) == Span(from: try day("2026-11-01"), to: try day("2026-11-02"), zone: .gmt))
    #expect(try span("2026-11-01", nil, "Asia/Kolkata").from == (try day("2026-10-31T18:30:00Z")))
    #expect(try span("2026-07-01", nil, "America/New_York").from == (try day("2026-07-01T04:00:00Z")))
    #expect(try span("today", nil, "Pacific/Auckland", now: "2026-11-25T12:00:00Z").from == (try day("2026-11-25T11:00:00Z")))
    #expect(try span(nil, nil, "UTC").from == (try day("2026-10-26")))
    #expect(try span("7d", nil, "UTC").from == (try day("2026-11-18")))
    #expect(try span("2w", nil, "UTC").from == (try day("2026-11-11")))
    #expect(try span("6m", nil, "UTC").from == (try day("2026-05-25")))
    #expect(try span("36h", nil, "UTC").from == (try day("2026-11-24T00:00:00Z")))
    #expect(try span("2026-11-25T10:00:00Z", "2026-11-25T10:30:00.500Z", nil).to == (try day("2026-11-25T10:30:00.500Z")))
    #expect(try span("1d", nil, nil).period.zone == "UTC")
  }

  @Test func daysAreLongerAndShorterWhereClocksAreChanged() throws {
    #expect(hours(try span("2026-03-28", "2026-03-31", "Europe/Berlin").steps(.day)) == [24, 23, 24])
    #expect(hours(try span("2026-10-24", "2026-10-27", "Europe/Berlin").steps(.day)) == [24, 25, 24])
    #expect(hours(try span("2026-10-25", "2026-10-26", "Europe/Berlin").steps(.hour)).count == 25)
    #expect(hours(try span("2026-10-19", "2026-11-02", "Europe/Berlin").steps(.week)) == [169, 168])
    // On this day there was no midnight in Brazil.
    let brazil = try span("2018-11-03", "2018-11-06", "America/Sao_Paulo")
    #expect(hours(try brazil.steps(.day)) == [24, 23, 24])
    #expect(try span("2018-11-04", nil, "America/Sao_Paulo").from == (try day("2018-11-04T03:00:00Z")))
    // Half an hour.
    #expect(hours(try span("2026-04-04", "2026-04-06", "Australia/Lord_Howe").steps(.day)).reduce(0, +) == 48.5)
    // The day that Samoa left out.
    #expect(throws: RookeryError.self) { try span("2011-12-30", nil, "Pacific/Apia") }
  }

  @Test func stepsCoverThePeriodWithoutGapOrOverlap() throws {
    for zone in ["UTC", "Europe/Berlin", "America/St_Johns", "Asia/Kolkata", "Pacific/Chatham"] {
      let whole = try span("2026-01-17T05:17:00Z", "2026-02-20T13:31:00Z", zone)
      for step in Metrics.Step.allCases {
        guard step != .hour else { continue }
        let spans = try whole.steps(step)
        #expect(spans.first?.from == whole.from)
        #expect(spans.last?.to == whole.to)
        #expect(zip(spans, spans.dropFirst()).allSatisfy { $0.to == $1.from })
      }
    }
    #expect(
      try span("2026-01-15", "2026-03-02", "UTC").steps(.month).map(\.from) == [
        try day("2026-01-15"), try day("2026-02-01"), try day("2026-03-01"),
      ])
    // Weeks begin on Mondays.
    #expect(try span("2026-11-20", "2026-11-25", "UTC").steps(.week).map(\.from) == [try day("2026-11-20"), try day("2026-11-23")])
    let kolkata = try span("2026-11-25T00:10:00Z", "2026-11-25T02:10:00Z", "Asia/Kolkata").steps(.hour)
    #expect(kolkata.dropFirst().map(\.from) == [try day("2026-11-25T00:30:00Z"), try day("2026-11-25T01:30:00Z")])
  }

  @Test(arguments: [
    ("yesterday", "now", "UTC"), ("2026-13-01", "now", "UTC"), ("2026-02-30", "now", "UTC"), ("2026-11-26", "now", "UTC"),
    ("now", "now", "UTC"), ("99999d", "now", "UTC"), ("7d", "now", "Mars/Olympus"), ("7d", "now", "CET"), ("7d", "8d", "UTC"),
    ("7d", "2026-11-25T25:00:00Z", "UTC"), ("-7d", "now", "UTC"), ("7 d", "now", "UTC"), ("1999-01-01", "now", "UTC"),
    ("' OR 1=1", "now", "UTC"), ("7d", "now", "../../etc/passwd"),
  ]) func whatIsNoPeriodIsRefusedWithAMend(since: String, until: String, zone: String) throws {
    let error = #expect(throws: RookeryError.self) { try span(since, until, zone) }
    #expect(error?.code == .badRequest)
    #expect(error?.mend.isEmpty == false)
  }

  @Test func tooManyStepsAreRefused() throws {
    #expect(throws: RookeryError.self) { try span("6m", nil, nil).steps(.hour) }
    #expect(try span("800h", nil, nil).steps(.hour).count <= Span.longestSeries + 1)
  }
}
