import Foundation
import Glibc
import RookeryControl
import RookeryModel
import Synchronization

/// Looks now and then at what each sandbox wrote: asks the kernel where it counts bytes, else adds them up; counts files.
///
/// A thread of its own walks the trees, at most a twentieth of the time.
final class DiskWatch: Sendable {
  enum Finding: Sendable, Equatable {
    /// Nine tenths are written, or all that the kernel allows: told once, until less is.
    case nearlyFull(DiskUsage)
    case full(DiskUsage)
    /// Nothing but ending the sandbox bounds these.
    case tooMuch(DiskUsage)
    case tooManyFiles
  }

  /// What is known of one sandbox.
  struct Watched: Sendable {
    var limits: Limits
    var subvolume: UInt64?
    /// As told last.
    var level = DiskLevel.roomy
    var counted: DiskUsage?
  }

  private struct State {
    var watched: [SandboxID: Watched] = [:]
    var stopped = false
  }

  private let sandboxes: Directory
  private let storage: HostStorage
  private let report: @Sendable (SandboxID, Finding) -> Void
  private let interval: Duration
  private let state = Mutex(State())
  private let wake: WakeDescriptor

  init(
    sandboxes: Directory, storage: HostStorage, interval: Duration = .seconds(5), report: @escaping @Sendable (SandboxID, Finding) -> Void
  ) throws {
    self.sandboxes = sandboxes
    self.storage = storage
    self.interval = interval
    self.report = report
    wake = try WakeDescriptor()
    BlockingThread.start(name: "disk-watch") { self.run() }
  }

  func add(_ id: SandboxID, limits: Limits) { state.withLock { $0.watched[id] = Watched(limits: limits) } }
  func remove(_ id: SandboxID) { state.withLock { _ = $0.watched.removeValue(forKey: id) } }

  func stop() {
    state.withLock { $0.stopped = true }
    wake.signal()
  }

  private func run() {
    while !state.withLock({ $0.stopped }) {
      let start = ContinuousClock.now
      for (id, watched) in state.withLock({ $0.watched }) { look(at: id, watched) }
      let pause = max(interval, (ContinuousClock.now - start) * 19)
      var polls = pollfd(fd: wake.descriptor, events: Int16(POLLIN), revents: 0)
      _ = poll(&polls, 1, Int32(min(pause.components.seconds + 1, 3600) * 1000))
    }
  }

  private func look(at id: SandboxID, _ watched: Watched) {
    guard let upper = try? sandboxes.directory("\(id)/\(WritableLayer.upperPath(storage))") else { return }
    var watched = watched
    var findings: [Finding] = []
    if let volume = storage.volume {
      watched.subvolume = watched.subvolume ?? (try? volume.number(of: upper))
      guard let usage = watched.subvolume.flatMap({ volume.usage(of: $0) }) else { return }
      let now = DiskUsage(bytes: usage.held + usage.coming, files: 0)
      let level = DiskLevel(bytes: now.bytes, limitMB: watched.limits.diskMB, before: watched.level)
      if level > watched.level { findings.append(level == .full ? .full(now) : .nearlyFull(now)) }
      watched.level = level
      // As long as nothing was written there are no more files.
      if watched.counted?.bytes != now.bytes {
        let files = DiskUsage.measure(upper, limitMB: .max, limitFiles: watched.limits.inodes).files
        watched.counted = DiskUsage(bytes: now.bytes, files: files)
        if files > watched.limits.inodes { findings.append(.tooManyFiles) }
      }
    } else {
      let usage = DiskUsage.measure(upper, limitMB: watched.limits.diskMB, limitFiles: watched.limits.inodes)
      let level = DiskLevel(bytes: usage.bytes, limitMB: watched.limits.diskMB, before: watched.level)
      if usage.files > watched.limits.inodes {
        findings.append(.tooManyFiles)
      } else if usage.exceeds(megabytes: watched.limits.diskMB) {
        findings.append(.tooMuch(usage))
      } else if level > watched.level {
        findings.append(.nearlyFull(usage))
      }
      watched.level = level
    }
    let isWatched = state.withLock { state in
      guard state.watched[id] != nil, !state.stopped else { return false }
      state.watched[id] = watched
      return true
    }
    if isWatched { for finding in findings { report(id, finding) } }
  }
}

/// How full a sandbox's disk is. What was told is told again only after it became clearly less.
enum DiskLevel: Int, Comparable, Sendable {
  case roomy, nearlyFull, full

  init(bytes: Int, limitMB: Int, before: DiskLevel) {
    let limit = limitMB << 20
    // The kernel refuses a little before the last byte: what it would need to administer it counts, too.
    let full = limit - max(limit / 64, 1 << 20)
    let nearly = limit / 10 * 9
    switch before {
    case _ where bytes >= full: self = .full
    case .full where bytes >= nearly: self = .full
    case _ where bytes >= nearly: self = .nearlyFull
    case .roomy: self = .roomy
    case _: self = bytes >= limit / 10 * 8 ? .nearlyFull : .roomy
    }
  }

  static func < (one: DiskLevel, other: DiskLevel) -> Bool { one.rawValue < other.rawValue }
}
