import Foundation
import Glibc
import RookeryControl
import RookeryModel
import Synchronization

/// Adds up what each sandbox wrote, now and then: plain directories have no quota that would do it.
///
/// A thread of its own walks the trees, at most a twentieth of the time.
final class DiskWatch: Sendable {
  private struct State {
    var limits: [SandboxID: Int] = [:]
    var stopped = false
  }

  private let sandboxes: Directory
  private let report: @Sendable (SandboxID, DiskUsage) -> Void
  private let interval: Duration
  private let state = Mutex(State())
  private let wake: WakeDescriptor

  /// `report` is called, at each look, for every sandbox that exceeds its limit.
  init(sandboxes: Directory, interval: Duration = .seconds(5), report: @escaping @Sendable (SandboxID, DiskUsage) -> Void) throws {
    self.sandboxes = sandboxes
    self.interval = interval
    self.report = report
    wake = try WakeDescriptor()
    BlockingThread.start(name: "disk-watch") { self.run() }
  }

  func add(_ id: SandboxID, limitMB: Int) { state.withLock { $0.limits[id] = limitMB } }
  func remove(_ id: SandboxID) { state.withLock { _ = $0.limits.removeValue(forKey: id) } }

  func stop() {
    state.withLock { $0.stopped = true }
    wake.signal()
  }

  private func run() {
    while !state.withLock({ $0.stopped }) {
      let start = ContinuousClock.now
      for (id, limit) in state.withLock({ $0.limits }) {
        guard let upper = try? sandboxes.directory("\(id)/upper") else { continue }
        let usage = DiskUsage.measure(upper, limitMB: limit)
        if usage.exceeds(megabytes: limit), state.withLock({ $0.limits[id] != nil && !$0.stopped }) { report(id, usage) }
      }
      let pause = max(interval, (ContinuousClock.now - start) * 19)
      var polls = pollfd(fd: wake.descriptor, events: Int16(POLLIN), revents: 0)
      _ = poll(&polls, 1, Int32(min(pause.components.seconds + 1, 3600) * 1000))
    }
  }
}
