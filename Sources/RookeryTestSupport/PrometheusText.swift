import Foundation

/// A strict reader of Prometheus's text format, version 0.0.4: what `promtool check metrics` would refuse is refused.
package struct PrometheusText: Sendable {
  package struct Sample: Sendable {
    package var name: String
    package var labels: [String: String]
    package var value: Double
  }

  package struct Malformed: Error, CustomStringConvertible {
    package var description: String
  }

  package private(set) var samples: [Sample] = []
  package private(set) var types: [String: String] = [:]

  package init(_ text: String) throws {
    guard text.hasSuffix("\n") else { throw Malformed(description: "the last line has no end") }
    var family = ""
    var seen: Set<String> = []
    for line in text.split(separator: "\n", omittingEmptySubsequences: false).dropLast() {
      if line.hasPrefix("# HELP ") { continue }
      if let match = line.wholeMatch(of: /# TYPE ([a-zA-Z_:][a-zA-Z0-9_:]*) (counter|gauge|histogram|summary|untyped)/) {
        family = String(match.output.1)
        guard types.updateValue(String(match.output.2), forKey: family) == nil else {
          throw Malformed(description: "\(family) is described twice")
        }
        continue
      }
      let sample = try Self.sample(String(line))
      guard sample.name == family || (types[family] == "histogram" && Self.parts(of: family).contains(sample.name)) else {
        throw Malformed(description: "“\(line)” is not below its TYPE")
      }
      let key = sample.name + sample.labels.sorted { $0.key < $1.key }.map { "|\($0.key)=\($0.value)" }.joined()
      guard seen.insert(key).inserted else { throw Malformed(description: "“\(line)” stands twice") }
      samples.append(sample)
    }
    try checkHistograms()
  }

  package func value(_ name: String, _ labels: [String: String] = [:]) -> Double? {
    samples.first { $0.name == name && $0.labels == labels }?.value
  }

  private static func parts(of family: String) -> [String] { ["_bucket", "_sum", "_count"].map { family + $0 } }

  private static func sample(_ line: String) throws -> Sample {
    guard let match = line.wholeMatch(of: /([a-zA-Z_:][a-zA-Z0-9_:]*)(\{(.*)\})? ([^ ]+)/) else {
      throw Malformed(description: "“\(line)” is no sample")
    }
    let text = String(match.output.4)
    guard let value = text == "+Inf" ? .infinity : Double(text) else { throw Malformed(description: "“\(text)” is no number") }
    var labels: [String: String] = [:]
    var rest = Substring(match.output.3 ?? "")
    while !rest.isEmpty {
      guard let label = rest.prefixMatch(of: /([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\]|\\["\\n])*)"(,|$)/),
        labels.updateValue(unescaped(label.output.2), forKey: String(label.output.1)) == nil
      else { throw Malformed(description: "“\(line)” has labels that are none") }
      rest = rest[label.range.upperBound...]
    }
    return Sample(name: String(match.output.1), labels: labels, value: value)
  }

  private static func unescaped(_ text: Substring) -> String {
    var result = ""
    var characters = text.makeIterator()
    while let character = characters.next() {
      guard character == "\\", let next = characters.next() else {
        result.append(character)
        continue
      }
      result.append(next == "n" ? "\n" : next)
    }
    return result
  }

  /// Buckets ascend to `+Inf`, which is the count.
  private func checkHistograms() throws {
    for family in types.filter({ $0.value == "histogram" }).keys {
      var series: [[String: String]: [(Double, Double)]] = [:]
      for sample in samples where sample.name == family + "_bucket" {
        guard let text = sample.labels["le"], let bound = text == "+Inf" ? .infinity : Double(text) else {
          throw Malformed(description: "a bucket of \(family) has no bound")
        }
        series[sample.labels.filter { $0.key != "le" }, default: []].append((bound, sample.value))
      }
      for (labels, buckets) in series {
        let isAscending = zip(buckets, buckets.dropFirst()).allSatisfy { $0.0 < $1.0 && $0.1 <= $1.1 }
        guard isAscending, let last = buckets.last, last.0 == .infinity, value(family + "_count", labels) == last.1,
          value(family + "_sum", labels) != nil
        else { throw Malformed(description: "the buckets of \(family) don't add up") }
      }
    }
  }
}
