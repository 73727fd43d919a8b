import CSandbox
import Foundation
import Glibc
import RookeryControl
import RookeryModel
import Synchronization

/// One sandbox of this host, from `create` to `terminate`. Requests for it run one after the other on a thread that may block.
actor HostedSandbox {
  nonisolated let id: SandboxID
  let context: HostContext
  private nonisolated let executor: BlockingExecutor
  nonisolated var unownedExecutor: UnownedSerialExecutor { executor.asUnownedSerialExecutor() }

  /// What `list` shows, readable while a request is being worked on. Nil: there is no such sandbox (yet, or any more).
  private nonisolated let published = Mutex<SandboxRecord?>(nil)
  private nonisolated let granted = Mutex<Limits?>(nil)

  var record: LaunchRecord? { didSet { publishRecord() } }
  var isFrozen = false { didSet { publishRecord() } }
  /// bubblewrap's monitor while it is a child of this process; after a restart it is somebody else's.
  /// Whether the cgroups of our name are ours: another data directory's sandbox may have the same id.
  private var ownsCgroup = false
  private var launcher: (pid: pid_t, descriptor: OwnedDescriptor)?

  init(id: SandboxID, context: HostContext) {
    self.id = id
    self.context = context
    executor = BlockingExecutor(label: "rookery.host.sandbox.\(id)")
  }

  nonisolated var shown: SandboxRecord? { published.withLock { $0 } }
  /// Its limits while it lives; nil before and after.
  nonisolated var promised: Limits? { granted.withLock { $0 } }
  nonisolated var cgroup: SandboxCgroup { SandboxCgroup(layout: context.layout, id: id) }
  nonisolated var socketName: String { "\(id).sock" }
  nonisolated var socketPath: String { "\(context.runnersPath)/\(socketName)" }

  private func publishRecord() {
    let shown = record.map { record in
      SandboxRecord(
        id: id, state: record.ended != nil ? .dead : isFrozen ? .frozen : .running, source: record.source, created: record.created,
        runnerSocket: socketPath, memoryBytes: isFrozen ? cgroup.privateMemory : nil)
    }
    published.withLock { $0 = shown }
    granted.withLock { $0 = record?.ended == nil ? record?.limits : nil }
  }

  /// The sandbox, started unless it exists. Throws `conflict` when the id was used for something else.
  func create(_ request: CreateSandbox) throws -> SandboxRecord {
    if let record {
      guard record.source == request.source, record.bundles == request.bundles else {
        throw RookeryError(.conflict, "Sandbox \(id) exists and is of another kind.", mend: "Use a new id.")
      }
    } else {
      do { try start(request) } catch {
        try cleanUp()
        throw error
      }
    }
    guard let shown else { throw SandboxLauncher.failed("it is gone") }
    return shown
  }

  private func start(_ request: CreateSandbox) throws {
    let limits = try context.bounds.apply(to: request.limits)
    let blocked = try BlockedCommands(request.blockedCommands)
    try requireSpace()
    let layers = try context.layers.pin(request.source, for: id)
    let bundles = try request.bundles.map { (name: $0, tree: try context.bundles.tree(of: $0)) }
    var record = LaunchRecord(
      id: id, source: request.source, limits: limits, bundles: request.bundles, created: Date(), boot: context.boot)
    // Before anything can exist that a restarted host would have to find.
    try context.records.write(record)
    try context.sandboxes.makeDirectory(id.rawValue, mode: 0o700)
    let directory = try context.sandboxes.existing(id.rawValue)
    _ = try WritableLayer.make(in: directory, storage: context.storage, limits: limits)
    try cgroup.make(limits)
    ownsCgroup = true
    let network = try context.networks.take()
    defer { context.networks.refill() }
    let listener = try listenForRunner()
    let launcher = SandboxLauncher(
      fixture: context.fixture, sandbox: id, storage: context.storage, layers: layers, limits: limits, blocked: blocked,
      bundles: bundles, cgroup: cgroup,
      network: network.namespace, trust: context.trust, listener: listener)
    let started = try launcher.start()
    self.launcher = (started.launcher, started.launcherDescriptor)
    record.initProcess = started.initProcess
    try context.records.write(record)
    self.record = record
    watch(record, process: started.initDescriptor)
    context.handover.add(id, process: started.initProcess, listeners: network.listeners)
  }

  private func watch(_ record: LaunchRecord, process: OwnedDescriptor) {
    let deadline = ContinuousClock.now + .seconds(max(0, record.runtimeLeft()))
    // A short life has a late warning, a very short one none.
    let ahead = min(context.settings.runtimeWarningSeconds, record.limits.runtimeSeconds / 2)
    let warning = record.warnedOfEnd == true || ahead == 0 ? nil : deadline - .seconds(ahead)
    context.watch.add(
      id, .init(cgroup: cgroup, process: process, counters: record.reported, deadline: deadline, warning: warning, limits: record.limits))
    context.disk.add(id, limits: record.limits)
  }

  private nonisolated func listenForRunner() throws -> OwnedDescriptor {
    var listener: Int32 = -1
    let error = cs_unix_listen(socketPath, 0o600, context.settings.serveUser, 64, &listener)
    guard error == 0 else { throw RookeryError.system("listen(runner socket)", error) }
    return OwnedDescriptor(adopting: listener)
  }

  /// The last part of the disk stays for what runs already.
  nonisolated func requireSpace() throws {
    // A file system in a file may be promised more than its disk has.
    for directory in [context.sandboxes, context.data] {
      var status = statvfs()
      guard fstatvfs(directory.descriptor, &status) == 0 else { throw RookeryError.system("statvfs", errno) }
      guard UInt64(status.f_bavail) * UInt64(status.f_frsize) >= 512 << 20 else {
        throw RookeryError(
          .diskFull, "Less than 512 MiB are free on the data directory's disk.", mend: "Free space, or remove sessions and images.")
      }
    }
  }

  /// Takes up a sandbox that an earlier process of this host started.
  func adopt(_ found: LaunchRecord) throws {
    ownsCgroup = true
    guard let process = found.initProcess else {
      // It never ran: whoever asked for it got no answer and asks again.
      return try cleanUp()
    }
    context.layers.repin(found.source, for: id)
    record = found
    guard found.ended == nil else { return }
    let opened = cs_pidfd_open(process.pid)
    let descriptor = opened >= 0 ? OwnedDescriptor(adopting: opened) : nil
    guard found.boot == context.boot, let descriptor, process.isAlive else {
      return try end(reason: found.boot == context.boot ? "ended while Rookery was away" : "the machine was restarted")
    }
    if let paused = found.paused, cgroup.isFrozen != paused { paused ? try cgroup.freeze() : try cgroup.thaw() }
    isFrozen = cgroup.isFrozen
    watch(found, process: descriptor)
    context.handover.add(id, process: process, listeners: nil)
  }

  // MARK: What the watch sees

  /// A limit was hit since the last report.
  func limitHit(_ limit: LimitName, detail: String, counters: SandboxCgroup.Counters) throws {
    guard var record, record.ended == nil else { return }
    record.reported = counters
    try context.records.write(record)
    self.record = record
    context.events.append(id, .limitHit(limit, detail: detail))
  }

  /// A limit is near, or holds the sandbox back.
  func limitNear(_ limit: LimitName, detail: String) throws {
    guard var record, record.ended == nil else { return }
    if limit == .runtime {
      record.warnedOfEnd = true
      try context.records.write(record)
      self.record = record
    }
    context.events.append(id, .limitWarning(limit, detail: detail))
  }

  /// Process 1 ended, by itself or by a limit: everything else in the sandbox ends, its files stay until `terminate`.
  func processEnded() throws {
    // The observation may be about an earlier sandbox of this id.
    guard let record, record.ended == nil, record.initProcess?.isAlive != true else { return }
    try end(reason: reap())
  }

  /// Ends a sandbox whose time is over.
  func runtimeOver() throws {
    guard let record, record.ended == nil, record.runtimeLeft() <= 1 else { return }
    context.events.append(id, .limitHit(.runtime, detail: "\(record.limits.runtimeSeconds) s"))
    try end(reason: "its time of \(record.limits.runtimeSeconds) s is over")
  }

  /// What the look at its disk found. Where nothing else bounds it, a sandbox that wrote more than it may is ended; its files stay
  /// until `terminate`.
  func disk(_ finding: DiskWatch.Finding) throws {
    guard let record, record.ended == nil else { return }
    switch finding {
    case .nearlyFull(let usage):
      context.events.append(id, .limitWarning(.disk, detail: "\(usage.bytes >> 20) of \(record.limits.diskMB) MiB are written."))
    case .full(let usage):
      context.events.append(id, .limitHit(.disk, detail: "It wrote \(usage.bytes >> 20) of \(record.limits.diskMB) MiB; more is refused."))
    case .tooMuch(let usage):
      context.events.append(id, .limitHit(.disk, detail: "It wrote \(usage.bytes >> 20) MiB in \(usage.files) files."))
      try end(reason: "it wrote more than \(record.limits.diskMB) MiB")
    case .tooManyFiles:
      context.events.append(id, .limitHit(.inodes, detail: "It made more than \(record.limits.inodes) files."))
      try end(reason: "it made more than \(record.limits.inodes) files")
    }
  }

  private func end(reason: String) throws {
    try stopProcesses()
    guard var record, record.ended == nil else { return }
    record.ended = reason
    try context.records.write(record)
    isFrozen = false
    self.record = record
    context.events.append(id, .exited(reason: reason))
  }

  func setFrozen(_ frozen: Bool) throws {
    guard var record else { throw Self.unknown(id) }
    guard record.ended == nil else { throw RookeryError(.sandboxLost, "Sandbox \(id) has ended.", mend: "Start another.") }
    // Written first: a restarted host brings about what was wanted.
    if record.paused != frozen {
      record.paused = frozen
      try context.records.write(record)
      self.record = record
    }
    if frozen { try cgroup.freeze() } else { try cgroup.thaw() }
    isFrozen = frozen
  }

  /// Runs `body` while no process of the sandbox moves; then they go on, unless they stood still before.
  func whileStill<Value>(_ body: () throws -> Value) throws -> Value {
    guard record?.ended == nil, !isFrozen else { return try body() }
    // A host that dies in between leaves it frozen; the next one sees that it was not meant to be.
    do {
      try cgroup.freeze()
      let value = try body()
      try cgroup.thaw()
      return value
    } catch {
      try? cgroup.thaw()
      throw error
    }
  }

  static func unknown(_ id: SandboxID) -> RookeryError { RookeryError(.notFound, "There is no sandbox \(id).") }

  // MARK: Ends

  /// Kills every process, waits until they are gone and removes what was only for the living. Idempotent.
  func stopProcesses() throws {
    context.watch.remove(id)
    context.disk.remove(id)
    if ownsCgroup { try cgroup.kill() }
    ownsCgroup = false
    _ = reap()
    context.handover.remove(id)
    try context.runners.removeFile(socketName)
  }

  /// Everything that is left of the sandbox goes. Idempotent.
  func cleanUp() throws {
    try stopProcesses()
    try context.trash.discard(id.rawValue, in: context.sandboxes)
    try context.records.remove(id)
    context.layers.unpin(id)
    record = nil
    isFrozen = false
    context.bundles.sweep()
  }

  /// Collects the launcher, which ends right after process 1, and says how that ended.
  private func reap() -> String {
    guard let (pid, descriptor) = launcher else { return "ended" }
    launcher = nil
    var ended = pollfd(fd: descriptor.number, events: Int16(POLLIN), revents: 0)
    if poll(&ended, 1, 5000) <= 0 { _ = cs_pidfd_signal(descriptor.number, SIGKILL) }
    var status: Int32 = 0
    guard waitpid(pid, &status, 0) == pid, status & 0x7f == 0 else { return "ended" }
    let code = (status >> 8) & 0xff
    return code > 128 ? "signal \(code - 128)" : "exit \(code)"
  }
}
