import Foundation
import Glibc
import RookeryModel
import Testing

@testable import RookeryHost

/// A host in a process of its own.
final class HostProcess {
  private let process = Process()

  init(_ fixture: HostFixture) throws {
    process.executableURL = URL(fileURLWithPath: try HostFixture.product("rookery-host-fixture"))
    process.arguments = [fixture.directory, fixture.settings.runnerBinary]
    let output = Pipe()
    process.standardOutput = output
    try process.run()
    let said = output.fileHandleForReading.availableData
    try #require(String(decoding: said, as: UTF8.self) == "ready\n")
  }

  func kill() {
    Glibc.kill(process.processIdentifier, SIGKILL)
    process.waitUntilExit()
  }
}

extension HostTests {
  @Suite struct Restart {
    @Test func aKilledHostsSandboxesLiveOnAndAreAdopted() async throws {
      let host = try await HostFixture()
      let first = try HostProcess(host)
      let living = try await host.create()
      let dying = try await host.create()
      let frozen = try await host.create()
      try await host.awaitAdoption(of: [living.id, dying.id, frozen.id])
      _ = try await living.run("echo kept > /workspace/file; setsid sleep 600 >/dev/null 2>&1 & echo")
      _ = try await host.ask(.freeze(frozen.id))
      let before = try await host.list()
      let last = try await host.ask(.nextEvents(after: 0, wait: 0))
      #expect(last == .events([]))
      first.kill()

      let alone = try await living.run("cat /workspace/file")
      #expect(alone.text == "kept")
      let pid = try #require(try host.initProcess(of: dying.id))
      Glibc.kill(pid, SIGKILL)

      let second = try HostProcess(host)
      let after = try await host.list()
      #expect(after.map(\.id) == before.map(\.id))
      #expect(after.map(\.runnerSocket) == before.map(\.runnerSocket))
      #expect(after.first { $0.id == living.id }?.state == .running)
      #expect(after.first { $0.id == dying.id }?.state == .dead)
      #expect(after.first { $0.id == frozen.id }?.state == .frozen)
      let event = try await host.event { $0.sandbox == dying.id }
      guard case .exited = event.kind else {
        Issue.record("\(event)")
        return
      }
      #expect(try await living.run("pgrep -c sleep").text == "1")
      // The gateway kept the living ones' listeners through it all, and gives the dead one's back.
      try await host.awaitAdoption(of: [living.id, frozen.id])
      let again = try await host.create(id: living.id)
      #expect(again.record.id == living.id && again.record.created == living.record.created)
      for id in [living.id, dying.id, frozen.id] {
        try await host.terminate(id)
        #expect(try host.traces(of: id) == [])
      }
      second.kill()
      await host.clear()
    }

    @Test func seqGoesOnAboveThatOfTheHostBefore() async throws {
      let host = try await HostFixture()
      var seqs: [Int64] = []
      for _ in 0..<2 {
        try await host.serving {
          let sandbox = try await host.create()
          kill(try #require(try host.initProcess(of: sandbox.id)), SIGKILL)
          seqs.append(try await host.event(after: seqs.last ?? 0) { $0.sandbox == sandbox.id }.seq)
          try await host.terminate(sandbox.id)
        }
      }
      #expect(seqs == seqs.sorted() && Set(seqs).count == 2)
      await host.clear()
    }

    @Test func aRestartedGatewayIsGivenTheListenersAgain() async throws {
      try await HostFixture.with { host in
        let sandbox = try await host.create()
        try await host.awaitAdoption(of: [sandbox.id])
        host.gateway.stop()
        try host.gateway.start()
        try await host.awaitAdoption(of: [sandbox.id])
      }
    }

    @Test func whenHostAndGatewayDiedNewListenersAreMade() async throws {
      let host = try await HostFixture()
      let sandbox = try await {
        let process = try HostProcess(host)
        let sandbox = try await host.create()
        try await host.awaitAdoption(of: [sandbox.id])
        process.kill()
        return sandbox
      }()
      host.gateway.stop()
      try host.gateway.start()
      try await host.serving {
        try await host.awaitAdoption(of: [sandbox.id])
        let output = try await sandbox.run(Isolation.dial(Broker.model.host, Broker.model.port))
        #expect(output.text.contains("model of \(sandbox.id)"), "\(output.text)")
      }
      await host.clear()
    }

    @Test func whatACrashLeftIsCleared() async throws {
      let host = try await HostFixture(.directories)
      try await host.serving {}
      let id = SandboxID.random(prefix: "t-")
      for path in [
        "host/sandboxes/\(id)/upper/deep", "host/snapshots/.partial-empty", "host/snapshots/.partial-whole/fs/file", "host/trash/old",
      ] {
        try FileManager.default.createDirectory(atPath: host.directory + "/" + path, withIntermediateDirectories: true)
      }
      let manifest = LayerManifest(sandbox: id, parent: .base(HostFixture.base), created: Date(), image: nil)
      try JSON.encode(manifest).write(to: URL(fileURLWithPath: host.directory + "/host/snapshots/.partial-whole/manifest.json"))
      let record = LaunchRecord(
        id: id, source: .base(HostFixture.base), limits: Limits(), bundles: [], created: Date(), boot: try LaunchRecord.currentBoot())
      try JSON.encode(record).write(to: URL(fileURLWithPath: host.directory + "/host/launches/\(id).json"))
      try Data("{".utf8).write(to: URL(fileURLWithPath: host.directory + "/host/launches/broken.json"))
      try await host.serving {
        #expect(try await host.list() == [])
        #expect(try host.traces(of: id) == [])
        let snapshots = try await host.ask(.listSnapshots)
        guard case .snapshots(let records) = snapshots else { return }
        #expect(records.map(\.id.rawValue) == ["whole"])
        #expect(!FileManager.default.fileExists(atPath: host.directory + "/host/snapshots/.partial-empty"))
      }
      await host.clear()
    }

    @Test func twoHostsOnOneDataDirectoryConflict() async throws {
      try await HostFixture.with { host in
        let code = await HostFixture.code { try await HostService(settings: host.settings, log: HostFixture.log).run() }
        #expect(code == .conflict)
      }
    }
  }
}
