import RookeryConfiguration
import RookeryModel

/// Starts of sandboxes that wait for room, as a value.
///
/// People take turns: whoever was served longest ago is next, with their own starts in the order in which they came. The next one is
/// never passed by a smaller one, so that it isn't kept waiting for ever.
package struct StartQueue: Sendable {
  package typealias Place = UInt64

  private struct Waiting: Sendable {
    var place: Place
    var user: String
    var need: Limits
  }

  package let rules: Configuration.Capacity
  private var last: Place = 0
  private var waiting: [Waiting] = []
  /// Admitted, and not yet among what the host has promised.
  private var starting: [Place: Limits] = [:]
  /// When each user was served last, for those who were since the queue was empty.
  private var served: [String: UInt64] = [:]
  private var admissions: UInt64 = 0

  /// MiB that a start takes soon.
  static let firstMemoryMB = 64

  package init(rules: Configuration.Capacity) { self.rules = rules }

  package var isEmpty: Bool { waiting.isEmpty }

  /// Joins the queue; `admit` or `leave` end it.
  package mutating func enter(user: String, need: Limits) -> Place {
    last += 1
    waiting.append(Waiting(place: last, user: user, need: need))
    return last
  }

  /// It waits no longer, or what was admitted has started, or will not.
  package mutating func leave(_ place: Place) {
    waiting.removeAll { $0.place == place }
    starting[place] = nil
    if waiting.isEmpty { served = [:] }
  }

  /// Admits, in turn, those for which there is room.
  package mutating func admit(_ capacity: HostCapacity) -> [Place] {
    var admitted: [Place] = []
    while let next = order().first, lacking(for: next.need, capacity) == nil {
      waiting.removeAll { $0.place == next.place }
      starting[next.place] = next.need
      admissions += 1
      served[next.user] = admissions
      admitted.append(next.place)
    }
    if waiting.isEmpty { served = [:] }
    return admitted
  }

  /// How many are before it, and what the first of all lacks; nil when it does not wait.
  package func position(of place: Place, _ capacity: HostCapacity) -> SandboxAwaited? {
    let order = order()
    guard let ahead = order.firstIndex(where: { $0.place == place }) else { return nil }
    return SandboxAwaited(lacking: lacking(for: order[0].need, capacity) ?? .memory, ahead: ahead)
  }

  /// What there is too little of for a sandbox with these limits; nil: there is room.
  package func lacking(for need: Limits, _ capacity: HostCapacity) -> LimitName? {
    if capacity.diskFreeMB < rules.freeDiskMB { return .disk }
    let soon = Self.firstMemoryMB * (starting.count + 1)
    if capacity.memoryAvailableMB - soon < rules.freeMemoryMB { return .memory }
    // The only one may have all there is.
    if capacity.sandboxes == 0, starting.isEmpty { return nil }
    let memory = starting.values.reduce(Double(capacity.promisedMemoryMB) + Double(need.memoryMB)) { $0 + Double($1.memoryMB) }
    if memory > Double(capacity.memoryTotalMB) * rules.memoryOvercommit { return .memory }
    let cpus = starting.values.reduce(capacity.promisedCPUs + need.cpus) { $0 + $1.cpus }
    if cpus > Double(capacity.cpus) * rules.cpuOvercommit { return .cpu }
    return nil
  }

  /// Who is next, and next, if all were admitted now.
  private func order() -> [Waiting] {
    var left = waiting
    var served = served
    var clock = admissions
    var order: [Waiting] = []
    while !left.isEmpty {
      var best = 0
      for index in left.indices where served[left[index].user] ?? 0 < served[left[best].user] ?? 0 { best = index }
      let next = left.remove(at: best)
      clock += 1
      served[next.user] = clock
      order.append(next)
    }
    return order
  }
}
