import RookeryTestSupport
import Testing

@testable import RookeryMetrics

@Suite struct ExpositionTests {
  @Test func aHistogramIsCumulativeAndItsLabelsAreBounded() throws {
    let histogram = Histogram("x_seconds", "X.", labels: ["route"], bounds: [0.1, 1], limit: 2)
    for (seconds, route) in [(0.05, "/a"), (0.1, "/a"), (0.5, "/a"), (7, "/a"), (0.2, "/b"), (1, "/c"), (2, "/d")] {
      histogram.observe(seconds, [route])
    }
    var text = Exposition()
    histogram.write(to: &text)
    let parsed = try PrometheusText(text.text)
    #expect(parsed.value("x_seconds_bucket", ["route": "/a", "le": "0.1"]) == 2)
    #expect(parsed.value("x_seconds_bucket", ["route": "/a", "le": "1"]) == 3)
    #expect(parsed.value("x_seconds_bucket", ["route": "/a", "le": "+Inf"]) == 4)
    #expect(parsed.value("x_seconds_sum", ["route": "/a"]) == 7.65)
    #expect(parsed.value("x_seconds_count", ["route": "other"]) == 2)
    #expect(parsed.samples.compactMap { $0.labels["route"] }.sorted().last == "other")
  }

  @Test func labelsAreEscapedAndManyRepositoriesAreOne() throws {
    var text = Exposition()
    text.family("x", .gauge, "X.")
    text.sample("x", [("name", "a\"b\\c\nd")], 1.5)
    #expect(try PrometheusText(text.text).value("x", ["name": "a\"b\\c\nd"]) == 1.5)
    let counts = Dictionary(uniqueKeysWithValues: (0..<150).map { ("r\($0)", $0) })
    let bounded = Exposition.bounded(counts)
    #expect(bounded.count == 101)
    #expect(bounded.last?.0 == "other")
    #expect(bounded.reduce(0) { $0 + $1.1 } == counts.values.reduce(0, +))
    #expect(Exposition.number(.infinity) == "+Inf")
  }

  @Test(arguments: [
    "x 1", "# TYPE x gauge\nx{a=\"1\",a=\"2\"} 1\n", "# TYPE x gauge\nx 1\nx 2\n", "# TYPE x gauge\nx one\n", "x 1\n",
    "# TYPE x gauge\n# TYPE y gauge\nx 1\n", "# TYPE x histogram\nx_bucket{le=\"1\"} 2\nx_bucket{le=\"+Inf\"} 1\nx_sum 1\nx_count 1\n",
    "# TYPE x histogram\nx_bucket{le=\"1\"} 2\nx_sum 1\nx_count 2\n",
  ]) func theParserRefusesWhatPrometheusWould(text: String) {
    #expect(throws: PrometheusText.Malformed.self) { try PrometheusText(text) }
  }
}
