import CSandbox
import Foundation
import Glibc
import RookeryModel
import Testing

@testable import RookeryHost

@Suite struct HostPiecesTests {
  @Test func theKernelsLogNamesWhatItEnded() throws {
    let line =
      "6,900,1,-;oom-kill:constraint=CONSTRAINT_MEMCG,nodemask=(null),cpuset=/,mems_allowed=0,oom_memcg=/rookery/sb-1,task_memcg=/rookery/sb-1,task=python3,pid=77,uid=101000"
    let kill = try #require(OutOfMemoryLog.parse(line))
    #expect(kill.sandbox == "sb-1" && kill.process == "python3")
  }

  @Test(arguments: [
    "", "6,1,2,-;oom-kill:", "6,1,2,-;something,oom_memcg=/rookery/x,task=y",
    "6,1,2,-;oom-kill:constraint=CONSTRAINT_NONE,global_oom,task_memcg=/rookery/x,task=y",
    "6,1,2,-;oom-kill:a=b,oom_memcg=/other/x,task=y", "6,1,2,-;oom-kill:a=b,oom_memcg=/x,task=y",
  ]) func otherLinesNameNothing(_ line: String) {
    #expect(OutOfMemoryLog.parse(line) == nil)
  }

  @Test func eventsAreNumberedAndWaitedFor() async throws {
    let log = HostEventLog(limit: 8, start: Date(timeIntervalSince1970: 1))
    let id = SandboxID.random(prefix: "t-")
    let none = await log.next(after: 0, wait: .milliseconds(10))
    #expect(none == [])
    async let waited = log.next(after: 0, wait: .seconds(60))
    log.append(id, .exited(reason: "a"))
    let first = await waited
    #expect(first.map(\.seq) == [1_000_001])
    for _ in 0..<30 { log.append(id, .exited(reason: "b")) }
    let rest = await log.next(after: 1_000_020, wait: .zero)
    #expect(rest.map(\.seq) == Array(1_000_022...1_000_031))
    let kept = await log.next(after: 0, wait: .zero)
    #expect(kept.count >= 8 && kept.last?.seq == 1_000_031)
  }

  @Test func aProcessIsKnownByItsStart() throws {
    let own = try #require(LaunchRecord.Process(pid: getpid()))
    #expect(own.isAlive)
    #expect(!LaunchRecord.Process(pid: own.pid, started: own.started + 1).isAlive)
    #expect(LaunchRecord.Process(pid: .max) == nil)
  }

  @Test func theSeccompProgramIsWhole() {
    var buffer = [UInt8](repeating: 0, count: 4096)
    let size = cs_seccomp_program(&buffer, buffer.count)
    #expect(size > 500 && size % 8 == 0 && size < 4096)
    #expect(cs_seccomp_program(&buffer, 64) == 0)
    // Every jump stays inside the program, and it ends with a decision.
    let count = size / 8
    for index in 0..<count {
      let code = UInt16(buffer[index * 8]) | UInt16(buffer[index * 8 + 1]) << 8
      let (ifTrue, ifFalse) = (Int(buffer[index * 8 + 2]), Int(buffer[index * 8 + 3]))
      if code & 7 == 5 { #expect(index + 1 + max(ifTrue, ifFalse) < count) }
    }
    #expect(buffer[(count - 1) * 8] == 6)
  }

  @Test func theCommandLineNamesNothingOfTheHost() throws {
    let arguments = BubblewrapArguments(
      maskedFiles: ["/proc/kcore"], maskedDirectories: [], bundles: [try AgentName("tool")], sandbox: .random(prefix: "t-"),
      openFiles: 1024,
      outputRate: 1 << 20
    ).values
    #expect(!arguments.contains { $0.hasPrefix("/var") })
    #expect(!arguments.contains("--die-with-parent") && arguments.contains("--as-pid-1"))
    #expect(arguments.contains("/opt/rookery/agents/tool"))
    #expect(arguments.filter { $0 == "--cap-add" }.count == 9)
  }

  @Test func limitsAreCutDownToTheMachine() throws {
    let bounds = LimitBounds(memoryMB: 1000, cpus: 2)
    #expect(try bounds.apply(to: Limits(memoryMB: 5000, cpus: 8)).memoryMB == 1000)
    #expect(try bounds.apply(to: Limits(memoryMB: 500, cpus: 8)).cpus == 2)
    #expect(throws: RookeryError.self) { try bounds.apply(to: Limits(cpus: .nan)) }
  }
}

@Suite struct HostCheckTests {
  @Test(arguments: [
    ("6.1.0-28-amd64", Finding.Status.ok), ("6.18.44-fc", .ok), ("5.11.0", .ok), ("5.10.0-33-amd64", .failure), ("4.19", .failure),
    ("unknown", .warning),
  ]) func kernels(_ release: String, _ status: Finding.Status) {
    #expect(HostCheck.kernel(release: release).status == status)
  }

  @Test func everyFindingThatIsNotFineSaysWhatToDo() {
    let findings = [
      HostCheck.kernel(release: "4.4.0"), HostCheck.root(user: 1000), HostCheck.userNamespaces(maximum: 0),
      HostCheck.userNamespaces(maximum: nil), HostCheck.cgroups(missing: ["memory"], layout: "v2"),
      HostCheck.overlay(fileSystems: "nodev\tproc\n"),
      HostCheck.program("x", path: "/nonexistent", package: "x", needed: true), HostCheck.runner(path: "/nonexistent"), HostCheck.bases([]),
      HostCheck.disk(free: 1, path: "/x"), HostCheck.disk(free: 2 << 30, path: "/x"),
      HostCheck.storage(.directories, isBtrfs: false, canMake: false),
      HostCheck.storage(nil, isBtrfs: false, canMake: false),
      HostCheck.systemUser("x", exists: false),
    ]
    #expect(findings.allSatisfy { $0.status != .ok && !$0.mend.isEmpty && !$0.detail.isEmpty })
  }

  @Test func whatIsThereIsFine() {
    let findings = [
      HostCheck.root(user: 0), HostCheck.userNamespaces(maximum: 100), HostCheck.cgroups(missing: [], layout: "v2"),
      HostCheck.overlay(fileSystems: "nodev\tproc\nnodev\toverlay\n"),
      HostCheck.program("sh", path: "/bin/sh", package: "dash", needed: true),
      HostCheck.disk(free: 100 << 30, path: "/x"), HostCheck.storage(.volume, isBtrfs: false, canMake: true),
      HostCheck.storage(nil, isBtrfs: true, canMake: false),
      HostCheck.storage(nil, isBtrfs: false, canMake: true), HostCheck.storage(.subvolumes, isBtrfs: true, canMake: false),
      HostCheck.systemUser("x", exists: true),
    ]
    #expect(findings.allSatisfy { $0.status == .ok })
  }

  @Test func allFindingsHaveDistinctNames() {
    let settings = HostSettings(
      dataDirectory: "/nonexistent/host", runDirectory: "/nonexistent/run", cacheDirectory: "/nonexistent/cache", serveUser: 0,
      gatewayUser: 0, gatewaySocket: "/nonexistent/run/gateway.sock", runnerBinary: "/nonexistent/runner")
    let findings = hostFindings(settings)
    #expect(Set(findings.map(\.name)).count == findings.count && findings.count >= 12)
  }
}

@Suite struct TreeWalkTests {
  @Test func removesAnyTreeAndNothingBehindALink() throws {
    let path = NSTemporaryDirectory() + "rookery-tree-" + String(UInt64.random(in: 0 ..< .max), radix: 36)
    let directory = try Directory.make(path: path, mode: 0o700)
    defer { try? FileManager.default.removeItem(atPath: path) }
    try FileManager.default.createDirectory(atPath: path + "/outside/kept", withIntermediateDirectories: true)
    try FileManager.default.createDirectory(atPath: path + "/tree/a/b", withIntermediateDirectories: true)
    try FileManager.default.createSymbolicLink(atPath: path + "/tree/a/link", withDestinationPath: path + "/outside")
    mkfifo(path + "/tree/a/pipe", 0o600)
    // A name that is no UTF-8.
    let odd: [CChar] = Array((path + "/tree/").utf8CString.dropLast()) + [-1, -2, 0]
    close(open(odd, O_WRONLY | O_CREAT, 0o600))
    // Far deeper than directories may be open at once.
    var deep = try directory.existing("tree")
    for _ in 0..<600 {
      try deep.makeDirectory("d", mode: 0o700, owner: getuid())
      deep = try deep.existing("d")
    }
    try TreeWalk.remove("tree", in: directory)
    #expect(try directory.names() == ["outside"])
    #expect(FileManager.default.fileExists(atPath: path + "/outside/kept"))
    try TreeWalk.remove("absent", in: directory)
  }

  @Test func aDirectoryOpensNothingThroughLinks() throws {
    let path = NSTemporaryDirectory() + "rookery-tree-" + String(UInt64.random(in: 0 ..< .max), radix: 36)
    let directory = try Directory.make(path: path, mode: 0o700)
    defer { try? FileManager.default.removeItem(atPath: path) }
    try FileManager.default.createDirectory(atPath: path + "/real", withIntermediateDirectories: true)
    try FileManager.default.createSymbolicLink(atPath: path + "/link", withDestinationPath: "real")
    #expect(try directory.directory("real") != nil)
    for name in ["link", "link/x", "../", "..", "/etc", "real/../..", "absent"] {
      #expect((try? directory.directory(name)).flatMap { $0 } == nil, "\(name)")
    }
    #expect((try? directory.read("link")) == .none)
  }
}
