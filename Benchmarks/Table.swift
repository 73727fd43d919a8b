import Foundation

/// One line of the report: ours beside its peer, as measured in one run.
struct Comparison {
  var name: String
  var ours: Measurement
  var peer: Measurement?
  var peerName: String
  /// What `ours / peer` (or ours alone, without a peer) should be at most.
  var goal: Double
  var unit: String

  var ratio: Double? { peer.map { ours.median / $0.median } }
  var met: Bool { (ratio ?? ours.median) <= goal }
}

/// Samples of one quantity; the median is what is quoted, since machines are shared and noisy.
struct Measurement {
  var samples: [Double]
  var sorted: [Double] { samples.sorted() }
  var median: Double { samples.isEmpty ? .nan : sorted[samples.count / 2] }
  var minimum: Double { sorted.first ?? .nan }
}

func printTable(_ rows: [Comparison]) {
  let header = ["what", "ours (min)", "peer (min)", "ratio", "goal", ""]
  let lines = rows.map { row in
    [
      row.name, "\(text(row.ours.median)) (\(text(row.ours.minimum))) \(row.unit)",
      row.peer.map { "\(text($0.median)) (\(text($0.minimum))) \(row.unit), \(row.peerName)" } ?? row.peerName,
      row.ratio.map(text) ?? "–", "≤ \(text(row.goal))\(row.ratio == nil ? " " + row.unit : "")", row.met ? "ok" : "MISSED",
    ]
  }
  let widths = header.indices.map { column in ([header] + lines).map { $0[column].count }.max() ?? 0 }
  for line in [header] + lines {
    print(zip(line, widths).map { $0.padding(toLength: $1, withPad: " ", startingAt: 0) }.joined(separator: "  "))
  }
}

private func text(_ value: Double) -> String { String(format: value >= 100 ? "%.0f" : value >= 1 ? "%.1f" : "%.3f", value) }
