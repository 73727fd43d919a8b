import CSandbox
import Foundation
import Glibc
import Logging
import RookeryControl
import RookeryModel

/// The local provider's privileged side: starts, limits, publishes and ends the sandboxes of this machine on behalf of `serve`.
///
/// It may be killed at any time: sandboxes live on, and the next one adopts them.
package struct HostService: Sendable {
  /// Of the requests in `HostRequest`.
  package static let protocolVersion = 1

  private let settings: HostSettings
  private let log: Logger

  package init(settings: HostSettings, log: Logger = Logger(label: "rookery.host")) {
    self.settings = settings
    self.log = log
  }

  /// Serves until the task is cancelled; sandboxes live on then. `ready` is called once requests are answered.
  ///
  /// Throws `hostUnsupported` when this machine lacks something, `conflict` when another host serves the same data directory.
  package func run(ready: @escaping @Sendable () -> Void = {}) async throws {
    guard geteuid() == 0 else {
      throw RookeryError(.hostUnsupported, "The sandbox host needs root.", mend: "Start it as root: “sudo rookery up”.")
    }
    let (context, lock) = try await BlockingThread.run(name: "host-prepare") { try prepare() }
    let table = SandboxTable(context: context)
    defer {
      context.watch.stop()
      context.disk.stop()
      context.layout.release()
    }
    try await adoptAll(context, into: table)
    let requests = HostRequests(context: context, table: table)
    let server = try ControlServer(
      path: settings.socket, mode: 0o600, owner: settings.serveUser, allowedUsers: [0, settings.serveUser],
      handler: requests.handle)
    defer { server.stop() }
    log.info("serving", metadata: ["socket": "\(settings.socket)"])
    ready()
    await withTaskGroup(of: Void.self) { group in
      group.addTask { await ListenerHandover(table: context.handover, settings: settings, log: log).run() }
      group.addTask { await SocketNaming(context: context).run() }
      group.addTask { await follow(context.watch.observations, table: table) }
      group.addTask { await Reconciler(context: context, table: table).run(every: settings.reconcileInterval) }
      // Either ends only when this task is cancelled.
      await group.next()
      group.cancelAll()
    }
    withExtendedLifetime(lock) {}
  }

  private func follow(_ observations: AsyncStream<SandboxWatch.Observation>, table: SandboxTable) async {
    for await observation in observations {
      do {
        switch observation {
        case .ended(let id): try await table.with(id) { try await $0.processEnded() }
        case .limit(let id, let limit, let detail, let counters):
          try await table.with(id) { try await $0.limitHit(limit, detail: detail, counters: counters) }
        case .disk(let id, let finding): try await table.with(id) { try await $0.disk(finding) }
        case .near(let id, let limit, let detail): try await table.with(id) { try await $0.limitNear(limit, detail: detail) }
        case .runtimeOver(let id): try await table.with(id) { try await $0.runtimeOver() }
        }
      } catch {
        log.error("an observation was not handled", metadata: ["observation": "\(observation)", "error": "\(error)"])
      }
    }
  }

  // MARK: Start

  private func prepare() throws -> (HostContext, OwnedDescriptor) {
    let data = try Directory.make(path: settings.dataDirectory, mode: 0o700)
    let lock = try lockData()
    let layout = try CgroupLayout.current()
    try layout.prepare()
    let storage = try HostStorage.open(settings, data: data, log: log)
    if !data.exists("launches") { try data.makeDirectory("launches", mode: 0o700) }
    for name in ["sandboxes", "trash"] where !storage.root.exists(name) { try storage.root.makeDirectory(name, mode: 0o700) }
    _ = try Directory.make(path: settings.runDirectory, mode: 0o755)
    let runnersPath = settings.runDirectory + "/runners"
    let trash = try Trash(directory: storage.root.existing("trash"), holdsSubvolumes: storage.volume != nil, log: log)
    let sandboxes = try storage.root.existing("sandboxes")
    let bases = BaseCatalogue(cacheDirectory: settings.cacheDirectory)
    let watch = try SandboxWatch()
    if !data.exists("trust") { try data.makeDirectory("trust", mode: 0o755) }
    let trust = try TrustFiles(directory: data.existing("trust"), path: settings.dataDirectory + "/trust")
    let nft = access(settings.nft, X_OK) == 0 ? settings.nft : nil
    if nft == nil { log.warning("nftables is not installed: sandboxes reach the brokers only", metadata: ["path": "\(settings.nft)"]) }
    let networks = SandboxNetworkPool(plan: .init(nft: nft, ports: trust.setup.ports))
    networks.fill()
    let context = try HostContext(
      settings: settings, bounds: .current(), boot: LaunchRecord.currentBoot(), layout: layout,
      fixture: SandboxLauncher.Fixture(settings: settings, data: data),
      storage: storage, layers: LayerStore(storage: storage, bases: bases, trash: trash, log: log), bases: bases,
      bundles: BundleStore(cacheDirectory: settings.cacheDirectory, log: log),
      records: LaunchRecords(directory: data.existing("launches")), data: data, sandboxes: sandboxes,
      runnersPath: runnersPath, runners: Directory.make(path: runnersPath, mode: 0o755), trash: trash, networks: networks, trust: trust,
      watch: watch, disk: DiskWatch(sandboxes: sandboxes, storage: storage) { watch.report(.disk($0, $1)) }, handover: ListenerTable(),
      events: HostEventLog(), log: log)
    return (context, lock)
  }

  /// One host at a time works on a data directory. The kernel drops the lock with the process, and with what that had forked and not
  /// yet executed: a killed host's launches hold it for some milliseconds more.
  private func lockData() throws -> OwnedDescriptor {
    let lock = try OwnedDescriptor(opening: settings.dataDirectory, O_RDONLY | O_DIRECTORY)
    let deadline = ContinuousClock.now + .seconds(2)
    var isOurs = flock(lock.number, LOCK_EX | LOCK_NB) == 0
    while !isOurs, ContinuousClock.now < deadline {
      usleep(10_000)
      isOurs = flock(lock.number, LOCK_EX | LOCK_NB) == 0
    }
    guard isOurs else {
      throw RookeryError(
        .conflict, "Another sandbox host works on \(settings.dataDirectory).", mend: "Stop it first: “rookery down”.")
    }
    return lock
  }

  /// Takes up what an earlier host left running and clears what it left half-way.
  private func adoptAll(_ context: HostContext, into table: SandboxTable) async throws {
    let records = try await BlockingThread.run(name: "host-records") {
      let records = try context.records.all()
      let known = Set(records.map(\.id.rawValue))
      for name in try context.sandboxes.names() where !known.contains(name) {
        try context.trash.discard(name, in: context.sandboxes)
      }
      for name in try context.runners.names() where !known.contains(String(name.dropLast(5))) {
        try context.runners.removeFile(name)
      }
      return records
    }
    for record in records {
      do { try await table.with(record.id) { try await $0.adopt(record) } } catch {
        log.error("a sandbox could not be adopted", metadata: ["sandbox": "\(record.id)", "error": "\(error)"])
      }
    }
    try await BlockingThread.run(name: "host-accounts") { try context.forgetAccounts() }
    if !records.isEmpty { log.info("adopted", metadata: ["sandboxes": "\(table.list().count)"]) }
  }
}
