import Foundation
import RookeryConfiguration
import RookeryModel
import RookeryTestSupport
import Synchronization
import Testing

@testable import RookerySandbox

@Suite struct ServiceStateTests {
  private func report(_ state: ServiceChanged.State, _ detail: String) -> ServiceState.Action {
    .report(ServiceChanged(name: "web", state: state, detail: detail))
  }

  @Test func readyThenEnded() {
    var state = ServiceState(name: "web")
    #expect(!state.isSettled)
    let ready = state.becameReady()
    #expect(ready == [report(.ready, "")])
    let again = state.becameReady()
    #expect(again == [])
    let ended = state.exited(.signal(9), line: "out of memory")
    #expect(ended == [report(.ended, "signal 9: out of memory")])
    let after = state.exited(.code(1), line: "")
    #expect(after == [])
  }

  @Test func lateIsFailedAndStopped() {
    var state = ServiceState(name: "web")
    let late = state.timedOut(after: 60, line: "waiting for disk")
    #expect(late == [report(.failed, "not ready within 60 s: waiting for disk"), .stop])
    let ready = state.becameReady()
    #expect(ready == [], "too late")
  }

  @Test func aCommandThatFailsNeverStarted() {
    var state = ServiceState(name: "web")
    let failed = state.exited(.code(127), line: "not found")
    #expect(failed == [report(.failed, "exit 127: not found"), .stop])
    #expect(state.isSettled)
  }

  /// `service postgresql start` ends well and leaves the service behind.
  @Test func aStarterMayEnd() {
    var state = ServiceState(name: "web")
    let early = state.exited(.code(0), line: "")
    #expect(early == [])
    #expect(!state.isSettled)
    _ = state.becameReady()
    var other = ServiceState(name: "web")
    _ = other.becameReady()
    let asked = other.exited(.code(0), line: "")
    #expect(asked == [.check])
    let alive = other.checked(isReady: true)
    #expect(alive == [])
    let gone = other.checked(isReady: false)
    #expect(gone == [report(.ended, "exit 0")])
  }

  @Test(arguments: [(ServiceChanged.State.ready, true), (.failed, true), (.ended, true)])
  func whatWasKnownIsNotToldAgain(_ known: ServiceChanged.State, settled: Bool) {
    var state = ServiceState(name: "web", known: known)
    #expect(state.isSettled == settled)
    let ready = state.becameReady()
    #expect(ready == [])
  }
}

/// Services in a real sandbox.
@Suite(.serialized) struct ServiceSupervisorTests {
  private final class Reports: Sendable {
    let all = Mutex<[ServiceChanged]>([])
    var states: [String: ServiceChanged] { all.withLock { Dictionary($0.map { ($0.name, $0) }, uniquingKeysWith: { $1 }) } }
    func add(_ change: ServiceChanged) { all.withLock { $0.append(change) } }
  }

  private func shell(_ script: String) -> ProcessSpec {
    ProcessSpec(
      id: .random(prefix: "p-"), argv: ["/bin/sh", "-c", script], environment: BuildShell.environment(of: .agent), directory: "/",
      account: .agent)
  }

  private typealias Service = EnvironmentFile.Service
  private static let listen =
    "exec python3 -c 'import socket,time; s=socket.socket(); s.bind((\"127.0.0.1\", 8471)); s.listen(); print(\"up\", flush=True); time.sleep(600)'"

  @Test func startsWatchesAndStops() async throws {
    try await SandboxStack.with { stack in
      let id = SandboxID.random(prefix: "t-")
      let sandbox = try await stack.provider.create(
        CreateSandbox(id: id, source: .base(SandboxStack.base), limits: Limits(memoryMB: 256, processes: 200), bundles: []))
      let services = [
        Service(name: "port", command: Self.listen, ready: .port(8471)),
        Service(name: "file", command: "id -u; echo $WHO; touch /tmp/ready; sleep 600", ready: .command("test -e /tmp/ready")),
        Service(name: "root", command: "id -u; sleep 600", ready: .command("true"), root: true),
        Service(name: "broken", command: "echo cannot; exit 3", ready: .command("false")),
        Service(name: "late", command: "echo patience; sleep 600", ready: .command("false"), timeoutSeconds: 1),
        Service(name: "forked", command: "sleep 600 & sleep 0.2; touch /tmp/forked", ready: .command("test -e /tmp/forked")),
        Service(
          name: "brief", command: "touch /tmp/brief; sleep 2; rm /tmp/brief; echo bye; exit 4", ready: .command("test -e /tmp/brief")),
        Service(name: "../odd name", command: "yes flood | head -c 3000000; sleep 600", ready: .command("true")),
      ]
      let reports = Reports()
      let supervisor = ServiceSupervisor(services, in: sandbox, directory: "/", environment: ["WHO": "me"]) { reports.add($0) }
      let run = Task { await supervisor.run() }
      try await supervisor.settled()
      let first = reports.states
      for name in ["port", "file", "root", "forked", "../odd name"] { #expect(first[name]?.state == .ready, "\(name)") }
      #expect(first["broken"] == ServiceChanged(name: "broken", state: .failed, detail: "exit 3: cannot"))
      #expect(first["late"] == ServiceChanged(name: "late", state: .failed, detail: "not ready within 1 s: patience"))
      try await eventually(timeout: .seconds(60), "its end is told") { reports.states["brief"]?.state == .ended }
      #expect(reports.states["brief"]?.detail == "exit 4: bye")
      // Who they run as, their variables, and logs that the agent's account can read and that stay small.
      let logs = try await sandbox.run(shell("cat /var/log/rookery/file.log /var/log/rookery/root.log")).output
      #expect(logs == "1000\nme\n0\n")
      try await eventually(timeout: .seconds(60), "the log was cut") {
        let size = try await sandbox.run(shell("stat -c %s /var/log/rookery/service-7.log")).output
        return (Int(size.trimmingCharacters(in: .whitespacesAndNewlines)) ?? .max) <= 1 << 20
      }
      // The agent's account can't put anything in a log's place.
      #expect(try await sandbox.run(shell("ln -s /etc/passwd /var/log/rookery/x.log || echo refused")).output == "refused\n")

      // Another supervisor, after a restart of ours: nothing starts twice, nothing is told twice.
      run.cancel()
      await run.value
      let later = Reports()
      let known = await supervisor.results
      let second = ServiceSupervisor(services, in: sandbox, directory: "/", environment: [:], known: known) { later.add($0) }
      let again = Task { await second.run() }
      try await second.settled()
      #expect(try await sandbox.run(shell("grep -c up /var/log/rookery/port.log")).output == "1\n")
      // It sees what happens from now on.
      _ = try await sandbox.run(
        ProcessSpec(
          id: .random(prefix: "p-"),
          argv: [
            "/bin/sh", "-c", #"for p in /proc/[0-9]*; do case "$(tr '\0' ' ' < $p/cmdline)" in python3*) kill "${p#/proc/}";; esac; done"#,
          ],
          environment: BuildShell.environment(of: .root), directory: "/", account: .root))
      try await eventually(timeout: .seconds(60), "the end of the port's service is told") { later.states["port"]?.state == .ended }
      #expect(later.states.keys.sorted() == ["port"])

      try await second.stop()
      again.cancel()
      await again.value
      #expect(try await sandbox.run(shell("test -e /var/log/rookery || echo gone")).output == "gone\n")
      try await stack.provider.terminate(id, keep: nil)
    }
  }

  @Test func waitingForAServiceCanBeCancelled() async throws {
    try await SandboxStack.with { stack in
      let id = SandboxID.random(prefix: "t-")
      let sandbox = try await stack.provider.create(
        CreateSandbox(id: id, source: .base(SandboxStack.base), limits: Limits(memoryMB: 256, processes: 200), bundles: []))
      let supervisor = ServiceSupervisor(
        [Service(name: "never", command: "sleep 600", ready: .command("false"), timeoutSeconds: 600)], in: sandbox, directory: "/",
        environment: [:])
      let run = Task { await supervisor.run() }
      let waiting = Task { try await supervisor.settled() }
      waiting.cancel()
      await #expect(throws: CancellationError.self) { try await waiting.value }
      // A sandbox that ends lets everyone go, too.
      try await stack.provider.terminate(id, keep: nil)
      run.cancel()
      await run.value
      try await supervisor.settled()
    }
  }
}
