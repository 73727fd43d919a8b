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
    case near(SandboxID, LimitName, detail: String)
    case runtimeOver(SandboxID)
    case disk(SandboxID, DiskWatch.Finding)
  }

  struct Watched: Sendable {
    var cgroup: SandboxCgroup
    var process: OwnedDescriptor
    /// What was reported already.
    var counters: SandboxCgroup.Counters
    var deadline: ContinuousClock.Instant
    /// When the end is announced; nil once it was.
    var warning: ContinuousClock.Instant?
    var limits: Limits
    var throttle = ThrottleGauge()
    var hasFullTable = false
    /// Where the runner notes who writes too fast.
    var journal: Directory?
    /// Lines of that list that were told.
    var paced = 0

    /// Programs that the runner lets wait since they write too fast. What root in the sandbox may have put there is bounded text.
    var paceNotes: [Substring] {
      guard let data = try? journal?.read("paced", limit: 16 << 10) else { return [] }
      return String(decoding: data, as: UTF8.self).split(separator: "\n")
    }
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

  func add(_ id: SandboxID, _ watched: Watched) {
    state.withLock { $0.watched[id] = watched }
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
    var looks = 0
    while true {
      let (watched, stopped) = state.withLock { (Array($0.watched), $0.stopped) }
      if stopped { break }
      let ended = waitForEnds(watched, until: nextLook)
      let now = ContinuousClock.now
      if now >= nextLook || !ended.isEmpty {
        // Limits before ends: what killed a sandbox is told before its end is.
        look(at: watched, killed: memoryLog.read(), now: now, countsFiles: looks % 5 == 0)
        looks += 1
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

  private func look(
    at watched: [(key: SandboxID, value: Watched)], killed: [String: String], now: ContinuousClock.Instant, countsFiles: Bool
  ) {
    for (id, entry) in watched {
      let counters = entry.cgroup.counters
      var entry = entry
      if counters.memory > entry.counters.memory {
        let detail = killed[id.rawValue].map { "The kernel ended \($0)." } ?? "The kernel ended a process."
        continuation.yield(.limit(id, .memory, detail: detail, counters))
      }
      if counters.processes > entry.counters.processes {
        let times = counters.processes - entry.counters.processes
        let most = SandboxProcesses(entry.cgroup.processes()).mostFrequent.map { " Most run \($0)." } ?? ""
        let detail = "\(times) new process\(times == 1 ? " was" : "es were") refused.\(most)"
        continuation.yield(.limit(id, .processes, detail: detail, counters))
      }
      if entry.throttle.observe(entry.cgroup.throttledTime) {
        let busiest = SandboxProcesses(entry.cgroup.processes()).busiest.map { "; \($0) uses most" } ?? ""
        continuation.yield(.near(id, .cpu, detail: "It is held to \(entry.limits.cpus) processors\(busiest)."))
      }
      lookAtPace(id, &entry, counters)
      if countsFiles { lookAtFiles(id, &entry, counters) }
      if let warning = entry.warning, now >= warning, now < entry.deadline {
        entry.warning = nil
        continuation.yield(.near(id, .runtime, detail: "\((entry.deadline - now).components.seconds + 1) s are left."))
      }
      entry.counters = counters
      if now >= entry.deadline {
        remove(id)
        continuation.yield(.runtimeOver(id))
      } else {
        state.withLock { if $0.watched[id] != nil { $0.watched[id] = entry } }
      }
    }
  }

  private func lookAtPace(_ id: SandboxID, _ entry: inout Watched, _ counters: SandboxCgroup.Counters) {
    let lines = entry.paceNotes
    guard lines.count > entry.paced else { return }
    let programs = Set(lines[entry.paced...].prefix(5).map { String($0.prefix(100)) }).sorted().joined(separator: ", ")
    entry.paced = lines.count
    let detail = "\(programs) wrote more than \(entry.limits.outputKBPerSecond) KiB a second and waits in between."
    continuation.yield(.limit(id, .output, detail: detail, counters))
  }

  /// A process that has open what it may can open no more; the kernel tells nobody but the process.
  private func lookAtFiles(_ id: SandboxID, _ entry: inout Watched, _ counters: SandboxCgroup.Counters) {
    let full = SandboxProcesses(entry.cgroup.processes()).first(withOpenFiles: entry.limits.openFiles)
    if let full, !entry.hasFullTable {
      continuation.yield(.limit(id, .openFiles, detail: "\(full) has its \(entry.limits.openFiles) files open.", counters))
    }
    entry.hasFullTable = full != nil
  }
}
