import Foundation
import Glibc
import RookeryControl
import RookeryModel
import Synchronization

/// Watches all sandboxes from one thread: process 1's end at once, limits and time about once a second.
final class SandboxWatch: Sendable {
  enum Observation: Sendable {
    case ended(SandboxID)
    case limit(SandboxID, LimitName, detail: String, SandboxCgroup.Counters)
    case runtimeOver(SandboxID)
    case diskOver(SandboxID, DiskUsage)
  }

  private struct Watched {
    var cgroup: SandboxCgroup
    var process: OwnedDescriptor
    var counters: SandboxCgroup.Counters
    var deadline: ContinuousClock.Instant
  }

  private struct State {
    var watched: [SandboxID: Watched] = [:]
    var stopped = false
  }

  private static let interval: Duration = .seconds(1)

  /// What was seen, for one reader. A sandbox ends once; limits come at most once a second for each.
  let observations: AsyncStream<Observation>
  private let continuation: AsyncStream<Observation>.Continuation
  private let state = Mutex(State())
  private let wake: WakeDescriptor

  init() throws {
    (observations, continuation) = AsyncStream.makeStream()
    wake = try WakeDescriptor()
    BlockingThread.start(name: "sandbox-watch") { self.run() }
  }

  /// `counters`: what was reported already.
  func add(
    _ id: SandboxID, cgroup: SandboxCgroup, process: OwnedDescriptor, counters: SandboxCgroup.Counters,
    deadline: ContinuousClock.Instant
  ) {
    state.withLock { $0.watched[id] = Watched(cgroup: cgroup, process: process, counters: counters, deadline: deadline) }
    wake.signal()
  }

  func remove(_ id: SandboxID) {
    state.withLock { _ = $0.watched.removeValue(forKey: id) }
  }

  func stop() {
    state.withLock { $0.stopped = true }
    wake.signal()
  }

  /// Adds what was seen elsewhere.
  func report(_ observation: Observation) { continuation.yield(observation) }

  private func run() {
    let memoryLog = OutOfMemoryLog()
    var nextLook = ContinuousClock.now
    while true {
      let (watched, stopped) = state.withLock { (Array($0.watched), $0.stopped) }
      if stopped { break }
      let ended = waitForEnds(watched, until: nextLook)
      let now = ContinuousClock.now
      if now >= nextLook || !ended.isEmpty {
        // Limits before ends: what killed a sandbox is told before its end is.
        look(at: watched, killed: memoryLog.read(), now: now)
        nextLook = now + Self.interval
      }
      for id in ended where state.withLock({ $0.watched.removeValue(forKey: id) }) != nil { continuation.yield(.ended(id)) }
    }
    continuation.finish()
  }

  private func waitForEnds(_ watched: [(key: SandboxID, value: Watched)], until deadline: ContinuousClock.Instant) -> [SandboxID] {
    var polls = [pollfd(fd: wake.descriptor, events: Int16(POLLIN), revents: 0)]
    polls += watched.map { pollfd(fd: $0.value.process.number, events: Int16(POLLIN), revents: 0) }
    let left = deadline - .now
    let milliseconds = max(0, min(1000, left.components.seconds * 1000 + left.components.attoseconds / 1_000_000_000_000_000 + 1))
    guard poll(&polls, nfds_t(polls.count), Int32(milliseconds)) > 0 else { return [] }
    if polls[0].revents != 0 { wake.clear() }
    return zip(watched, polls.dropFirst()).filter { $0.1.revents != 0 }.map(\.0.key)
  }

  private func look(at watched: [(key: SandboxID, value: Watched)], killed: [String: String], now: ContinuousClock.Instant) {
    for (id, entry) in watched {
      let counters = entry.cgroup.counters
      if counters.memory > entry.counters.memory {
        let detail = killed[id.rawValue].map { "The kernel ended \($0)." } ?? "The kernel ended a process."
        continuation.yield(.limit(id, .memory, detail: detail, counters))
      }
      if counters.processes > entry.counters.processes {
        let times = counters.processes - entry.counters.processes
        continuation.yield(.limit(id, .processes, detail: "\(times) new process\(times == 1 ? " was" : "es were") refused.", counters))
      }
      if now >= entry.deadline {
        remove(id)
        continuation.yield(.runtimeOver(id))
      } else if counters != entry.counters {
        state.withLock { $0.watched[id]?.counters = counters }
      }
    }
  }
}
