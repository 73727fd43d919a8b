import RookeryModel
import Synchronization

/// How long each step of the demo took.
final class DemoTimes: Sendable {
  private let steps = Mutex<[(name: String, time: Duration)]>([])

  func add(_ name: String, _ time: Duration) { steps.withLock { $0.append((name, time)) } }

  /// One line a step, the last one the sum.
  func table() -> String {
    var table = Table("STEP", "TIME")
    var total = Duration.zero
    for (name, time) in steps.withLock({ $0 }) {
      table.add(name, Quantity.text(time))
      // Parts of a turn stand indented below it and are in its time.
      if !name.hasPrefix(" ") { total += time }
    }
    table.add("together", Quantity.text(total))
    return table.text(Palette(isColoured: false))
  }
}
