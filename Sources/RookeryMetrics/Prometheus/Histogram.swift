import Synchronization

/// Durations by label values, of which there are at most so many: what comes with new ones beyond that is counted as `other`.
package final class Histogram: Sendable {
  private struct Series {
    var counts: [Int]
    var sum = 0.0
    var total = 0
  }

  package let name: String
  private let help: String
  private let labels: [String]
  /// Upper bounds in seconds, ascending.
  private let bounds: [Double]
  private let limit: Int
  private let series = Mutex<[[String]: Series]>([:])

  package init(_ name: String, _ help: String, labels: [String] = [], bounds: [Double], limit: Int = 500) {
    self.name = name
    self.help = help
    self.labels = labels
    self.bounds = bounds
    self.limit = limit
  }

  package func observe(_ seconds: Double, _ values: [String] = []) {
    series.withLock { series in
      let key = series[values] != nil || series.count < limit ? values : labels.map { _ in "other" }
      var entry = series[key] ?? Series(counts: Array(repeating: 0, count: bounds.count))
      if let place = bounds.firstIndex(where: { seconds <= $0 }) { entry.counts[place] += 1 }
      entry.sum += seconds
      entry.total += 1
      series[key] = entry
    }
  }

  package func write(to exposition: inout Exposition) {
    exposition.family(name, .histogram, help)
    let current = series.withLock { $0 }
    for (values, entry) in current.sorted(by: { $0.key.lexicographicallyPrecedes($1.key) }) {
      let pairs = Array(zip(labels, values))
      var cumulated = 0
      for (bound, count) in zip(bounds, entry.counts) {
        cumulated += count
        exposition.sample(name + "_bucket", pairs + [("le", Exposition.number(bound))], cumulated)
      }
      exposition.sample(name + "_bucket", pairs + [("le", "+Inf")], entry.total)
      exposition.sample(name + "_sum", pairs, entry.sum)
      exposition.sample(name + "_count", pairs, entry.total)
    }
  }
}
