import Foundation

/// Text in Prometheus's exposition format, version 0.0.4.
package struct Exposition: Sendable {
  package static let mediaType = "text/plain; version=0.0.4; charset=utf-8"

  package enum Kind: String, Sendable { case counter, gauge, histogram }

  package private(set) var text = ""

  package init() {}

  /// Begins a family; its samples follow.
  package mutating func family(_ name: String, _ kind: Kind, _ help: String) {
    text += "# HELP \(name) \(help)\n# TYPE \(name) \(kind.rawValue)\n"
  }

  package mutating func sample(_ name: String, _ labels: [(String, String)], _ value: Double) {
    let inner = labels.map { "\($0)=\"\(Self.escaped($1))\"" }.joined(separator: ",")
    text += inner.isEmpty ? "\(name) \(Self.number(value))\n" : "\(name){\(inner)} \(Self.number(value))\n"
  }

  package mutating func sample(_ name: String, _ labels: [(String, String)], _ value: Int) { sample(name, labels, Double(value)) }
  package mutating func sample(_ name: String, _ value: Int) { sample(name, [], Double(value)) }

  private static func escaped(_ value: String) -> String {
    value.replacingOccurrences(of: "\\", with: "\\\\").replacingOccurrences(of: "\"", with: "\\\"")
      .replacingOccurrences(of: "\n", with: "\\n")
  }

  static func number(_ value: Double) -> String {
    if value == .infinity { return "+Inf" }
    if let whole = Int64(exactly: value) { return String(whole) }
    return String(value)
  }

  /// Counts by repository: the `limit` largest by name, the others together as `other`.
  package static func bounded(_ counts: [String: Int], limit: Int = 100) -> [(String, Int)] {
    guard counts.count > limit else { return counts.sorted { $0.key < $1.key } }
    let ranked = counts.sorted { ($0.value, $1.key) > ($1.value, $0.key) }
    return ranked.prefix(limit).sorted { $0.key < $1.key } + [("other", ranked.dropFirst(limit).reduce(0) { $0 + $1.value })]
  }
}
