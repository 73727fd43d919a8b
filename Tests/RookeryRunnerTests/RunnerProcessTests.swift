import Foundation
import Glibc
import RookeryModel
import RookeryRunnerClient
import Testing

@Suite("Processes under the real runner", .serialized, .timeLimit(.minutes(5)))
struct RunnerProcessTests {
  @Test func reportsOutputThenExit() async throws {
    try await withRunner { _, connection in
      #expect(connection.sandbox.rawValue == "sbx-test")
      let result = try await connection.run(.shell("echo out; echo err >&2; exit 7"))
      #expect(result.text == "out\n")
      #expect(result.stderr == Array("err\n".utf8))
      #expect(result.exit == .code(7))
      let later = try await connection.collect(ProcessID("p"), from: StreamOffsets(stdout: 2, stderr: 4))
      #expect(later.text == "t\n")
      #expect(later.stderr.isEmpty)
      #expect(later.exit == .code(7))
      let list = try await connection.processes()
      #expect(list.map(\.id.rawValue) == ["p"])
      #expect(list.first?.exited == .code(7))
    }
  }

  @Test func startsAnIdOnlyOnce() async throws {
    try await withRunner { runner, connection in
      let mark = "\(runner.directory)/count"
      let spec = try ProcessSpec.shell("echo x >> \(mark); read line; echo done", input: true, account: .root)
      try await connection.start(spec)
      try await eventually("it runs") { FileManager.default.fileExists(atPath: mark) }
      try await connection.start(spec)
      _ = try await connection.write(Array("go\n".utf8), to: spec.id, at: 0)
      #expect(try await connection.collect(spec.id).text == "done\n")
      try await connection.start(spec)
      #expect(try await connection.collect(spec.id).text == "done\n")
      #expect(try String(contentsOfFile: mark, encoding: .utf8) == "x\n")
    }
  }

  @Test func followsAProcessThatIsStartedLater() async throws {
    try await withRunner { _, connection in
      let stream = connection.output(of: try ProcessID("p"), from: StreamOffsets(), window: 1000)
      // An answer means that the request to attach arrived before.
      _ = try await connection.processes()
      try await connection.start(.shell("echo hello"))
      var events: [ProcessEvent] = []
      for try await event in stream { events.append(event) }
      #expect(events == [.output(.stdout, offset: 0, bytes: Array("hello\n".utf8)), .exited(.code(0))])
    }
  }

  @Test func namesTheStepThatFailed() async throws {
    try await withRunner { _, connection in
      var spec = try ProcessSpec.shell("true")
      spec.argv = ["no-such-program"]
      let missing = await #expect(throws: RookeryError.self) { try await connection.start(spec) }
      #expect(missing?.code == .agentFailed)
      #expect(missing?.message.contains("no-such-program") == true)
      #expect(missing?.message.contains("execve: No such file or directory") == true)
      spec.argv = ["/etc/passwd"]
      let denied = await #expect(throws: RookeryError.self) { try await connection.start(spec) }
      #expect(denied?.message.contains("execve: Permission denied") == true)
      spec = try .shell("true")
      spec.directory = "/no/such/directory"
      let elsewhere = await #expect(throws: RookeryError.self) { try await connection.start(spec) }
      #expect(elsewhere?.message.contains("chdir") == true)
      // Nothing was started under that id, so it is free.
      #expect(try await connection.run(.shell("echo now")).text == "now\n")
    }
  }

  @Test(.enabled(if: geteuid() == 0)) func confinesAgents() async throws {
    try await withRunner { _, connection in
      var spec = try ProcessSpec.shell(
        "pwd; env; id -u; id -g; id -G; grep -E '^(Cap(Inh|Prm|Eff|Amb)|NoNewPrivs)' /proc/self/status; ulimit -c; ls /proc/self/fd | wc -l"
      )
      spec.directory = "/usr"
      spec.environment = ["PATH": "/usr/bin:/bin", "GREETING": "hello world"]
      let lines = try await connection.run(spec).text.split(separator: "\n").map(String.init)
      #expect(lines.contains("GREETING=hello world"))
      #expect(lines.first == "/usr")
      #expect(lines.filter { $0 == "1000" }.count == 3)
      for set in ["Inh", "Prm", "Eff", "Amb"] { #expect(lines.contains("Cap\(set):\t0000000000000000")) }
      #expect(lines.contains("NoNewPrivs:\t1"))
      #expect(lines.suffix(2) == ["0", "4"], "core limit, and only 0, 1, 2 and the listing itself are open")
      let root = try await connection.run(.shell("grep -E '^Cap(Eff|Bnd)' /proc/self/status", id: "root", account: .root))
      #expect(root.text == "CapEff:\t00000000000400fb\nCapBnd:\t00000000000400fb\n")
    }
  }

  @Test func signalsReachEverythingThatAProcessStarted() async throws {
    try await withRunner { _, connection in
      // A child in the group, one in a session of its own, and a daemon whose parents are gone.
      let spec = try ProcessSpec.shell(
        """
        sleep 1000 & echo $!
        setsid sh -c 'echo $$; exec sleep 1000' &
        (setsid sh -c 'sleep 1000 & echo $!' &)
        sleep 1000
        """)
      try await connection.start(spec)
      var text = ""
      for try await case .output(_, _, let bytes) in connection.output(of: spec.id, from: StreamOffsets(), window: 1 << 16) {
        text += String(decoding: bytes, as: UTF8.self)
        if text.filter({ $0 == "\n" }).count == 3 { break }
      }
      let pids = text.split(separator: "\n").compactMap { pid_t($0) }
      #expect(pids.count == 3)
      #expect(pids.allSatisfy { kill($0, 0) == 0 })
      try await connection.signal(spec.id, .kill)
      #expect(try await connection.collect(spec.id).exit == .signal(SIGKILL))
      try await eventually("all are gone") { pids.allSatisfy { kill($0, 0) != 0 } }
      try await connection.signal(spec.id, .kill)
      let unknown = await #expect(throws: RookeryError.self) { try await connection.signal(ProcessID("nobody"), .kill) }
      #expect(unknown?.code == .notFound)
    }
  }

  @Test func aStubbornProcessOutlivesTermAndEndOfInput() async throws {
    try await withRunner { _, connection in
      let spec = try ProcessSpec.shell("trap 'echo no' TERM; echo ready; while :; do sleep 0.1; done", input: true)
      try await connection.start(spec)
      var text = ""
      for try await case .output(_, _, let bytes) in connection.output(of: spec.id, from: StreamOffsets(), window: 1 << 16) {
        text += String(decoding: bytes, as: UTF8.self)
        if text == "ready\n" {
          try await connection.closeInput(of: spec.id)
          try await connection.closeInput(of: spec.id)
          try await connection.signal(spec.id, .terminate)
        }
        if text.hasSuffix("no\n") { break }
      }
      #expect(try await connection.processes().first?.exited == nil)
      try await connection.signal(spec.id, .kill)
      #expect(try await connection.collect(spec.id).exit == .signal(SIGKILL))
    }
  }

  @Test func reapsOrphans() async throws {
    try await withRunner { runner, connection in
      // Each leaves a child that ends on its own later.
      for number in 0..<5 { _ = try await connection.run(.shell("(sleep 0.1 >/dev/null 2>&1 &); exit 0", id: "p\(number)")) }
      try await eventually("no child is left") {
        RunnerFixture.children(of: runner.pid).isEmpty
      }
    }
  }

  @Test func aChildThatKeepsThePipesDoesNotHideTheExit() async throws {
    try await withRunner { _, connection in
      let start = ContinuousClock.now
      let result = try await connection.run(.shell("sleep 300 & echo hi; exit 3"))
      #expect(result.text == "hi\n")
      #expect(result.exit == .code(3))
      #expect(ContinuousClock.now - start < .seconds(60))
      try await connection.signal(ProcessID("p"), .kill)
    }
  }

  @Test func aTalkativeDaemonDoesNotHideTheExit() async throws {
    try await withRunner { _, connection in
      let result = try await connection.run(.shell("(while :; do echo again; sleep 0.05; done) & exit 4"))
      #expect(result.exit == .code(4))
      try await connection.signal(ProcessID("p"), .kill)
    }
  }

  @Test func worksUnderAnotherRunner() async throws {
    try await withRunner(in: .nested) { _, connection in
      let result = try await connection.run(.shell("echo fine"))
      #expect(result.text == "fine\n")
    }
  }

  @Test func termEndsEverything() async throws {
    let runner = try RunnerFixture()
    defer { runner.remove() }
    let connection = try await runner.connect()
    let spec = try ProcessSpec.shell("trap '' TERM; setsid sleep 1000 & echo $$; wait; sleep 1000")
    try await connection.start(spec)
    var pid: pid_t?
    for try await case .output(_, _, let bytes) in connection.output(of: spec.id, from: StreamOffsets(), window: 1000) {
      pid = pid_t(String(decoding: bytes, as: UTF8.self).dropLast())
      break
    }
    #expect(await runner.end(SIGTERM) == 0)
    let main = try #require(pid)
    try await eventually("the process is gone") { kill(main, 0) != 0 }
    let lost = await #expect(throws: RookeryError.self) { try await connection.processes() }
    #expect(lost?.code == .sandboxLost)
    #expect(try String(contentsOfFile: "\(runner.journal)/p.exit", encoding: .utf8) == "signal 9\n")
  }

  @Test(.enabled(if: geteuid() == 0)) func runsWhereThereIsNothing() async throws {
    try await withRunner(in: .emptyRoot) { _, connection in
      let error = await #expect(throws: RookeryError.self) { try await connection.start(.shell("true", input: true)) }
      #expect(error?.message.contains("execve: No such file") == true)
      let device = await #expect(throws: RookeryError.self) { try await connection.start(.shell("true")) }
      #expect(device?.message.contains("open(/dev/null)") == true)
    }
  }

  @Test(.enabled(if: geteuid() == 0)) func asTheFirstProcessItReapsAndEndsAll() async throws {
    try await withRunner(in: .ownProcesses) { runner, connection in
      // Daemons: of an ended process, in sessions of their own; some end at once, one stays.
      _ = try await connection.run(.shell("for i in 1 2 3; do (setsid true &); done; (setsid sleep 1000 >/dev/null 2>&1 &)", id: "a"))
      try await connection.start(.shell("trap '' TERM; echo $PPID; while :; do sleep 1; done", id: "b"))
      for try await event in connection.output(of: try ProcessID("b"), from: StreamOffsets(), window: 100) {
        #expect(event == .output(.stdout, offset: 0, bytes: Array("1\n".utf8)))
        break
      }
      try await eventually("only the daemon and the process are left") { RunnerFixture.children(of: runner.runnerPID).count == 2 }
      // A process's daemons end with a signal to it, also when it ended long ago.
      try await connection.signal(ProcessID("a"), .kill)
      try await eventually("only the process is left") { RunnerFixture.children(of: runner.runnerPID).count == 1 }
    }
  }
}
