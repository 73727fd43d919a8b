import Foundation
import Glibc
import RookeryModel
import Testing

@testable import RookeryHost

extension HostTests {
  @Suite struct Cycles {
    /// `ROOKERY_CYCLES` asks for more than the few that every run of the tests makes.
    static var count: Int { ProcessInfo.processInfo.environment["ROOKERY_CYCLES"].flatMap { Int($0) } ?? 60 }

    private func openFiles() throws -> Int { try FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd").count }

    @Test(arguments: [StorageKind.directories, .volume]) func manySandboxesLeaveNothing(_ storage: StorageKind) async throws {
      try await HostFixture.with(storage) { host in
        // The first makes what stays: spare networks, connections.
        for _ in 0..<3 { try await host.terminate(try await host.create().id) }
        try await host.awaitEmptyTrash()
        let files = try openFiles()
        var ids: [SandboxID] = []
        for round in 0..<Self.count {
          let sandbox = try await host.create()
          ids.append(sandbox.id)
          if round % 10 == 0 {
            _ = try await sandbox.run("echo x > file")
            let snapshot = SnapshotID.random(prefix: "s-")
            #expect(try await host.ask(.snapshot(sandbox.id, as: snapshot)) == .done)
            try await host.terminate(sandbox.id)
            #expect(try await host.ask(.removeSnapshot(snapshot)) == .done)
          } else {
            try await host.terminate(sandbox.id)
          }
        }
        try await host.awaitEmptyTrash()
        for id in ids.suffix(5) { #expect(try host.traces(of: id) == []) }
        for hierarchy in try CgroupLayout.current().hierarchies {
          let left = try FileManager.default.contentsOfDirectory(atPath: hierarchy.path + "/rookery")
          #expect(Set(left).isDisjoint(with: ids.map(\.rawValue)))
        }
        for place in ["host/launches", "run/runners"] {
          #expect(try FileManager.default.contentsOfDirectory(atPath: host.directory + "/" + place) == [])
        }
        #expect(try openFiles() <= files + 8)
      }
    }

    @Test(arguments: [StorageKind.directories, .volume]) func aHostThatIsKilledLeavesTheOldOrTheNew(_ storage: StorageKind) async throws {
      let host = try await HostFixture(storage)
      var ids: [SandboxID] = []
      var kept: [SnapshotID] = []
      for round in 0..<10 {
        let process = try HostProcess(host)
        let id = SandboxID.random(prefix: "t-")
        ids.append(id)
        // Asks without waiting, and kills the host somewhere in between: a different step each time.
        let work = Task {
          let sandbox = try await host.create(id: id)
          _ = try await sandbox.run("mkdir tree; for i in 1 2 3 4 5 6 7 8; do echo whole > tree/$i; done")
          _ = try await host.ask(.snapshot(id, as: SnapshotID("live-\(id)")))
          try await host.terminate(id, keep: SnapshotID("end-\(id)"))
        }
        try await Task.sleep(for: .milliseconds(20 + 25 * round))
        process.kill()
        work.cancel()
        _ = try? await work.value
      }
      try await host.serving {
        guard case .snapshots(let records) = try await host.ask(.listSnapshots) else { return }
        kept = records.map(\.id)
        for record in records {
          let copy = try await host.create(.snapshot(record.id))
          // Whatever is listed is whole.
          #expect(try await copy.run("cat tree/* | sort | uniq -c | tr -s ' '").text == " 8 whole")
          try await host.terminate(copy.id)
        }
        for id in ids {
          try await host.terminate(id)
          #expect(try host.traces(of: id) == [])
        }
        for id in kept { #expect(try await host.ask(.removeSnapshot(id)) == .done) }
        try await host.awaitEmptyTrash()
        #expect(try host.storage().existing("snapshots").names() == [])
      }
      await host.clear()
    }

    @Test func leftoversAreFoundWhileTheHostRuns() async throws {
      let host = try HostFixture(try await HostFixture()) { $0.reconcileInterval = .milliseconds(50) }
      try await host.serving {
        let living = try await host.create()
        let id = SandboxID.random(prefix: "t-")
        let storage = try host.storage()
        try storage.existing("sandboxes").makeDirectory(id.rawValue, mode: 0o700)
        try Data().write(to: URL(fileURLWithPath: host.directory + "/run/runners/\(id).sock"))
        let deadline = ContinuousClock.now + .seconds(60)
        while try host.traces(of: id) != [], ContinuousClock.now < deadline { try await Task.sleep(for: .milliseconds(10)) }
        #expect(try host.traces(of: id) == [])
        #expect(try await living.run("echo alive").text == "alive")
      }
      await host.clear()
    }
  }
}
