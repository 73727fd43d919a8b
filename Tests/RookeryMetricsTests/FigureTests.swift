import Foundation
import RookeryModel
import Testing

@testable import RookeryMetrics

/// The figures against a naive count of the same events.
@Suite struct FigureTests {
  @Test(arguments: [11, 12, 13, 14, 15]) func everyPeriodIsAsANaiveReaderCountsIt(seed: UInt64) async throws {
    var random = SeededGenerator(seed: seed)
    let writer = try SessionWriter()
    var history = try RandomHistory(random: &random)
    while try history.next(&random) != nil {}
    // A transaction for each session, not for each event: how they were committed is nothing to the figures.
    for (session, events) in history.events { try writer.append(session, events.map { ($0.payload, $0.turn, $0.time) }) }
    try writer.followAll()
    let naive = NaiveFigures(history.events)
    let times = history.events.values.flatMap { $0.map(\.time) }
    let (first, last) = (try #require(times.min()), try #require(times.max()))
    var withData = 0
    for round in 0..<40 {
      // Ends that fall exactly on events try both sides of the half-open interval.
      let ends = (0..<2).map { _ in
        round.isMultiple(of: 2)
          ? times.randomElement(using: &random) ?? first
          : Date(
            timeIntervalSince1970: Double.random(
              in: first.timeIntervalSince1970 - 90_000...last.timeIntervalSince1970 + 90_000, using: &random
            )
            .rounded())
      }.sorted()
      guard ends[0] < ends[1] else { continue }
      let name = round.isMultiple(of: 3) ? nil : RandomHistory.repositories.randomElement(using: &random)
      let span = Span(from: ends[0], to: ends[1], zone: .gmt)
      let figures = try await writer.store.summary(span, repository: try name.map { try RepositoryName($0) }).figures
      #expect(figures == naive.figures(from: ends[0], to: ends[1], repository: name), "seed \(seed), round \(round)")
      if figures != nil { withData += 1 }
    }
    #expect(withData > 20)
    try await theStepsMakeTheWhole(writer.store, Span(from: first, to: last, zone: .gmt))
  }

  /// What can be added up over the days is what the whole period has.
  private func theStepsMakeTheWhole(_ store: MetricsStore, _ span: Span) async throws {
    let whole = try #require(try await store.summary(span).figures)
    let steps = try await store.series(span, step: .day).buckets.compactMap(\.figures)
    #expect(steps.reduce(0) { $0 + $1.sessions } == whole.sessions)
    #expect(steps.reduce(0) { $0 + $1.prompts } == whole.prompts)
    #expect(steps.reduce(0) { $0 + $1.pullRequestsMerged } == whole.pullRequestsMerged)
    #expect(steps.reduce(0) { $0 + $1.mergeRate.numerator } == whole.mergeRate.numerator)
    #expect(steps.reduce(0) { $0 + $1.spend.inputTokens } == whole.spend.inputTokens)
    #expect(steps.reduce(0) { $0 + $1.timeToFirstToken.samples } == whole.timeToFirstToken.samples)
  }

  @Test(
    arguments: [
      ([], nil, nil, nil), ([7], 7, 7, 7), ([1, 2], 1, 2, 2), ([3, 1, 2], 2, 3, 3), (Array(1...100), 50, 90, 99), (Array(1...10), 5, 9, 10),
    ] as [([Int], Int?, Int?, Int?)]) func percentilesAreSamples(samples: [Int], p50: Int?, p90: Int?, p99: Int?)
  {
    let latency = Metrics.Latency(samples, of: 200)
    #expect((latency.p50, latency.p90, latency.p99) == (p50, p90, p99))
    #expect(latency.samples == samples.count)
  }
}
