import CSandbox
import Foundation
import Glibc
import RookeryControl
import RookeryModel

/// Starts the processes of one sandbox. Blocks for some milliseconds; for threads that may.
struct SandboxLauncher: Sendable {
  /// What every sandbox of this host shares.
  struct Fixture: Sendable {
    var bubblewrap: String
    var runner: String
    var hosts: String
    var resolver: String
    /// Runs in the place of blocked commands.
    var explainer: String
    var maskedFiles: [String]
    var maskedDirectories: [String]
  }

  /// A started sandbox. Its launcher is our child and waits for process 1.
  struct Started: Sendable {
    var launcher: pid_t
    var launcherDescriptor: OwnedDescriptor
    var initProcess: LaunchRecord.Process
    var initDescriptor: OwnedDescriptor
  }

  var fixture: Fixture
  var sandbox: SandboxID
  var storage: HostStorage
  /// Read-only trees below the writable layer, the topmost first.
  var layers: [String]
  var limits: Limits
  var blocked: BlockedCommands
  var bundles: [(name: AgentName, tree: String)]
  var cgroup: SandboxCgroup
  var network: OwnedDescriptor
  var trust: TrustFiles
  var listener: OwnedDescriptor

  /// Returns once process 1 runs the runner. Throws `sandboxFailed` with what bubblewrap said; nothing is left running then.
  func start() throws -> Started {
    let log = try Self.memoryFile("sandbox-log")
    let info = try OwnedDescriptor.pipe()
    var launcher: pid_t = -1
    var launcherDescriptor: Int32 = -1
    try launch(log: log, info: info.write, pid: &launcher, pidfd: &launcherDescriptor)
    let held = OwnedDescriptor(adopting: launcherDescriptor)
    do {
      let pid = try readInit(info: info, launcher: held)
      let descriptor = cs_pidfd_open(pid)
      guard descriptor >= 0 else { throw RookeryError.system("pidfd_open", -descriptor) }
      let initDescriptor = OwnedDescriptor(adopting: descriptor)
      guard let process = LaunchRecord.Process(pid: pid) else { throw Self.failed("process 1 ended") }
      try waitForRunner(pid, initDescriptor)
      return Started(launcher: launcher, launcherDescriptor: held, initProcess: process, initDescriptor: initDescriptor)
    } catch {
      // The cgroup's end, which the caller brings about, reaches what process 1 left; the launcher itself is reaped here.
      _ = cs_pidfd_signal(held.number, SIGKILL)
      waitpid(launcher, nil, 0)
      let said = Self.text(of: log)
      throw said.isEmpty ? error : Self.failed(said)
    }
  }

  private func launch(log: OwnedDescriptor, info: OwnedDescriptor, pid: inout pid_t, pidfd: inout Int32) throws {
    let arguments = BubblewrapArguments(
      maskedFiles: fixture.maskedFiles, maskedDirectories: fixture.maskedDirectories, bundles: bundles.map(\.name), sandbox: sandbox,
      openFiles: limits.openFiles, outputRate: limits.outputKBPerSecond << 10)
    let null = try OwnedDescriptor(opening: "/dev/null", O_RDONLY)
    let seccomp = try Self.seccompPipe()
    let joined = try cgroup.openForLaunch()
    let directory = "\(storage.launchPath)/sandboxes/\(sandbox)"
    var binds = [
      ("runner", fixture.runner, false), ("journal", directory + "/journal", true), ("hosts", fixture.hosts, false),
      ("resolv.conf", fixture.resolver, false), ("ca-certificates.crt", try trust.bundle(base: layers.last ?? "/"), false),
      ("apt.conf", trust.aptConfiguration, false),
    ]
    binds += bundles.map { (BubblewrapArguments.bundleName($0.name), $0.tree, true) }

    let strings = CStrings(arguments.values)
    let environment = CStrings(["PATH=\(BubblewrapArguments.path)"])
    let names = CStrings(binds.map(\.0))
    let sources = CStrings(binds.map(\.1))
    let bindPlans = binds.indices.map { index in
      cs_bind(source: sources.pointers[index], name: names.pointers[index], is_directory: binds[index].2 ? 1 : 0)
    }
    let trees = CStrings(["\(directory)/\(WritableLayer.upperPath(storage))", "\(directory)/\(WritableLayer.workPath(storage))"] + layers)
    let texts = CStrings([
      BubblewrapArguments.staging, Self.overlayOptions, IDRange.map, fixture.bubblewrap, storage.volume?.device ?? "", fixture.explainer,
    ])
    let blocked = CStrings(blocked.paths)
    let tasks = joined.tasks.map(\.number)
    let passed = [null.number, log.number, log.number, listener.number, seccomp.number, info.number]
    var stage: UnsafePointer<CChar>?
    var error: Int32 = 0
    tasks.withUnsafeBufferPointer { tasks in
      bindPlans.withUnsafeBufferPointer { bindPlans in
        passed.withUnsafeBufferPointer { passed in
          var plan = cs_launch()
          plan.cgroup = joined.unified?.number ?? -1
          plan.tasks = tasks.baseAddress
          plan.task_count = tasks.count
          plan.network = network.number
          plan.explainer = UnsafePointer(texts.pointers[5])
          plan.blocked = UnsafeRawPointer(blocked.terminated).assumingMemoryBound(to: UnsafePointer<CChar>?.self)
          plan.blocked_count = blocked.pointers.count
          plan.volume = storage.volume?.device == nil ? nil : UnsafePointer(texts.pointers[4])
          plan.staging = UnsafePointer(texts.pointers[0])
          plan.overlay_options = UnsafePointer(texts.pointers[1])
          plan.layers = UnsafeRawPointer(trees.terminated).assumingMemoryBound(to: UnsafePointer<CChar>?.self)
          plan.layer_count = trees.pointers.count
          plan.binds = bindPlans.baseAddress
          plan.bind_count = bindPlans.count
          plan.id_map = UnsafePointer(texts.pointers[2])
          plan.executable = UnsafePointer(texts.pointers[3])
          plan.argv = UnsafePointer(strings.terminated)
          plan.envp = UnsafePointer(environment.terminated)
          plan.descriptors = passed.baseAddress
          plan.descriptor_count = passed.count
          error = cs_launch(&plan, &pid, &pidfd, &stage)
        }
      }
    }
    withExtendedLifetime((strings, environment, names, sources, trees, texts, blocked, null, seccomp, joined.unified, joined.tasks)) {}
    guard error == 0 else { throw RookeryError.system(stage.map { String(cString: $0) } ?? "launch", error) }
  }

  /// Options of the root's overlay. `redirect_dir`: directories of lower layers can be renamed, as git and build tools do.
  /// `volatile`: nothing is flushed while the sandbox runs; a layer is flushed once, when it is published.
  static let overlayOptions = "redirect_dir=on,metacopy=off,index=off,xino=off,volatile"

  // MARK: Following the start

  private static let startTimeout: Duration = .seconds(30)

  /// Process 1 as bubblewrap tells it: `{"child-pid": N …}`.
  private func readInit(info: (read: OwnedDescriptor, write: OwnedDescriptor), launcher: OwnedDescriptor) throws -> pid_t {
    struct Info: Decodable {
      var pid: pid_t
      enum CodingKeys: String, CodingKey { case pid = "child-pid" }
    }
    let deadline = ContinuousClock.now + Self.startTimeout
    var text = Data()
    while true {
      if let info = try? JSONDecoder().decode(Info.self, from: text) { return info.pid }
      var polls = [
        pollfd(fd: info.read.number, events: Int16(POLLIN), revents: 0), pollfd(fd: launcher.number, events: Int16(POLLIN), revents: 0),
      ]
      guard poll(&polls, 2, 1000) >= 0 || errno == EINTR else { throw RookeryError.system("poll", errno) }
      if polls[0].revents & Int16(POLLIN) != 0 {
        var part = [UInt8](repeating: 0, count: 1024)
        let count = read(info.read.number, &part, part.count)
        if count > 0 { text.append(contentsOf: part.prefix(count)) }
      } else if polls[1].revents != 0 {
        throw Self.failed("bubblewrap ended")
      }
      guard ContinuousClock.now < deadline, text.count < 64 << 10 else { throw Self.failed("bubblewrap named no process") }
    }
  }

  /// Waits until process 1 has become the runner: the kernel tells by its executable, nothing else does.
  private func waitForRunner(_ pid: pid_t, _ descriptor: OwnedDescriptor) throws {
    var runner = stat()
    guard stat(fixture.runner, &runner) == 0 else { throw RookeryError.system("stat(runner)", errno) }
    let deadline = ContinuousClock.now + Self.startTimeout
    while true {
      var running = stat()
      if stat("/proc/\(pid)/exe", &running) == 0, running.st_ino == runner.st_ino, running.st_dev == runner.st_dev { return }
      var ended = pollfd(fd: descriptor.number, events: Int16(POLLIN), revents: 0)
      if poll(&ended, 1, 0) > 0 { throw Self.failed("process 1 ended before the runner started") }
      guard ContinuousClock.now < deadline else { throw Self.failed("the runner did not start") }
      usleep(200)
    }
  }

  static func failed(_ reason: String) -> RookeryError {
    RookeryError(.sandboxFailed, "The sandbox did not start: \(reason).", mend: "Run “rookery doctor”.")
  }

  private static func text(of file: OwnedDescriptor) -> String {
    var bytes = [UInt8](repeating: 0, count: 2000)
    let count = pread(file.number, &bytes, bytes.count, 0)
    return String(decoding: bytes.prefix(max(0, count)), as: UTF8.self).trimmingCharacters(in: .whitespacesAndNewlines)
  }

  /// Charged to the sandbox's own memory, so that whatever it says costs nobody else.
  private static func memoryFile(_ name: String) throws -> OwnedDescriptor {
    let number = cs_memory_file(name)
    guard number >= 0 else { throw RookeryError.system("memfd_create", -number) }
    return OwnedDescriptor(adopting: number)
  }

  /// A pipe that holds the seccomp program, which is smaller than any pipe.
  private static func seccompPipe() throws -> OwnedDescriptor {
    var program = [UInt8](repeating: 0, count: 4096)
    let size = cs_seccomp_program(&program, program.count)
    guard size > 0 else {
      throw RookeryError(.hostUnsupported, "Sandboxes need an x86-64 or ARM64 machine.", mend: "Use one.")
    }
    let pipe = try OwnedDescriptor.pipe()
    guard write(pipe.write.number, program, size) == size else { throw RookeryError.system("write(seccomp)", errno) }
    return pipe.read
  }
}

/// Strings for C, that live as long as this does.
private final class CStrings {
  let pointers: [UnsafeMutablePointer<CChar>]
  /// Ended by a null pointer, as `execve` takes them.
  let terminated: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>

  init(_ strings: [String]) {
    pointers = strings.map { string in
      let bytes = string.utf8CString
      let copy = UnsafeMutablePointer<CChar>.allocate(capacity: bytes.count)
      for (index, byte) in bytes.enumerated() { (copy + index).initialize(to: byte) }
      return copy
    }
    terminated = .allocate(capacity: strings.count + 1)
    for (index, pointer) in pointers.enumerated() { (terminated + index).initialize(to: pointer) }
    (terminated + strings.count).initialize(to: nil)
  }

  deinit {
    for pointer in pointers { pointer.deallocate() }
    terminated.deallocate()
  }
}
