import Foundation
import Glibc
import RookeryModel
import Testing

@testable import RookeryHost

extension HostTests {
  @Suite struct Snapshots {
    /// Makes what a tree can hold, and deletes and replaces what the base holds.
    static let change = """
      set -e; cd /opt; mkdir tree; cd tree
      echo text > file; chown 1000:1000 file; chmod 4751 file; ln file other; ln -s /nowhere link; chown -h 1000:1000 link; mkfifo pipe
      truncate -s 100M sparse; printf x | dd of=sparse bs=1 seek=50000000 conv=notrunc 2>/dev/null
      mkdir -m 2775 shared; touch -d '2001-02-03 04:05:06 UTC' file
      python3 -c 'import os; os.setxattr("file", "user.note", b"kept"); open(b"odd\\xff\\nname", "w").write("odd")'
      rm /etc/debian_version; rm -rf /usr/share/perl5; mkdir /usr/share/perl5; echo new > /usr/share/perl5/new
      """
    static let look = """
      cd /opt/tree; stat -c '%n %a %u:%g %h %Y %s %F' file link pipe sparse shared; stat -c '%b' sparse | awk '{print $1 < 1000}'
      test file -ef other && echo linked; readlink link; python3 -c 'import os; print(os.getxattr("file", "user.note"), sorted(os.listdir(b".")))'
      ls /etc/debian_version; ls /usr/share/perl5; md5sum sparse
      """

    @Test(arguments: [StorageKind.directories, .volume]) func aLivingSandboxIsKeptAsItIsAndGoesOn(_ storage: StorageKind) async throws {
      try await HostFixture.with(storage) { host in
        let sandbox = try await host.create()
        let made = try await sandbox.run(Self.change, as: .root)
        #expect(made.code == 0, "\(made.text)")
        let before = try await sandbox.run(Self.look, as: .root)
        let snapshot = SnapshotID.random(prefix: "s-")
        #expect(try await host.ask(.snapshot(sandbox.id, as: snapshot)) == .done)
        // What is written from now on is not in it, and asking again changes nothing.
        _ = try await sandbox.run("echo later > /opt/tree/later; echo changed > /opt/tree/file", as: .root)
        #expect(try await host.ask(.snapshot(sandbox.id, as: snapshot)) == .done)
        let copy = try await host.create(.snapshot(snapshot))
        let after = try await copy.run(Self.look, as: .root)
        #expect(after.text == before.text)
        #expect(after.text.contains("linked") && after.text.contains("b'kept'") && after.text.contains("new"))
        #expect(try await copy.run("ls /opt/tree/later").code != 0)
        // Both go on, apart from one another.
        #expect(try await sandbox.run("cat /opt/tree/file").text == "changed")
        guard case .snapshots(let records) = try await host.ask(.listSnapshots) else { return }
        #expect(records.map(\.id) == [snapshot])
        let bytes = try #require(records.first?.bytes)
        #expect(bytes > 0 && bytes < 50 << 20)
        // The next one of the same sandbox holds what came since, and stands on the same layers.
        let next = SnapshotID.random(prefix: "s-")
        #expect(try await host.ask(.snapshot(sandbox.id, as: next)) == .done)
        let later = try await host.create(.snapshot(next))
        #expect(try await later.run("cat /opt/tree/later").text == "later")
        for id in [copy.id, later.id, sandbox.id] { try await host.terminate(id) }
        for id in [snapshot, next] { #expect(try await host.ask(.removeSnapshot(id)) == .done) }
        try await host.awaitEmptyTrash()
      }
    }

    @Test func anIdOfAnothersSnapshotIsRefused() async throws {
      try await HostFixture.with { host in
        let one = try await host.create()
        let other = try await host.create()
        let snapshot = SnapshotID.random(prefix: "s-")
        #expect(try await host.ask(.snapshot(one.id, as: snapshot)) == .done)
        #expect(await HostFixture.code { try await host.ask(.snapshot(other.id, as: snapshot)) } == .conflict)
        #expect(await HostFixture.code { try await host.ask(.snapshot(.random(prefix: "t-"), as: .random(prefix: "s-"))) } == .notFound)
      }
    }

    @Test(arguments: [StorageKind.directories, .volume]) func aFrozenSandboxStaysFrozen(_ storage: StorageKind) async throws {
      try await HostFixture.with(storage) { host in
        let sandbox = try await host.create()
        _ = try await sandbox.run("echo here > /workspace/file")
        #expect(try await host.ask(.freeze(sandbox.id)) == .done)
        let snapshot = SnapshotID.random(prefix: "s-")
        #expect(try await host.ask(.snapshot(sandbox.id, as: snapshot)) == .done)
        #expect(try await host.list().map(\.state) == [.frozen])
        #expect(SandboxCgroup(layout: try .current(), id: sandbox.id).isFrozen)
        let copy = try await host.create(.snapshot(snapshot))
        #expect(try await copy.run("cat /workspace/file").text == "here")
      }
    }

    @Test(arguments: [StorageKind.directories, .volume]) func writersSeeOneMoment(_ storage: StorageKind) async throws {
      try await HostFixture.with(storage) { host in
        let sandbox = try await host.create()
        // Each round writes the same number to two files, the second after the first: no moment has them further apart than one.
        let writer = "i=0; while :; do i=$((i+1)); echo $i > a.new; mv a.new a; echo $i > b.new; mv b.new b; done"
        _ = try await sandbox.run("setsid sh -c '\(writer)' >/dev/null 2>&1 & while ! test -e b; do :; done")
        for _ in 0..<3 {
          let snapshot = SnapshotID.random(prefix: "s-")
          #expect(try await host.ask(.snapshot(sandbox.id, as: snapshot)) == .done)
          let copy = try await host.create(.snapshot(snapshot))
          let apart = try await copy.run("echo $(($(cat a) - $(cat b)))")
          #expect(["0", "1"].contains(apart.text), "\(apart.text)")
          try await host.terminate(copy.id)
        }
      }
    }

    @Test func capacityTellsWhatIsThereAndWhatWasPromised() async throws {
      try await HostFixture.with { host in
        _ = try await host.create(limits: Limits(memoryMB: 256, cpus: 0.5, processes: 64, diskMB: 100))
        let ended = try await host.create(limits: Limits(memoryMB: 512, cpus: 1, processes: 64, diskMB: 100))
        guard case .capacity(let capacity) = try await host.ask(.capacity) else { return }
        #expect(capacity.sandboxes == 2 && capacity.promisedMemoryMB == 768 && capacity.promisedCPUs == 1.5)
        #expect(capacity.promisedDiskMB == 200 && capacity.cpus >= 1)
        #expect(capacity.memoryTotalMB > capacity.memoryAvailableMB && capacity.memoryAvailableMB > 0)
        #expect(capacity.diskTotalMB > capacity.diskFreeMB && capacity.diskFreeMB > 0)
        try await host.terminate(ended.id)
        guard case .capacity(let after) = try await host.ask(.capacity) else { return }
        #expect(after.sandboxes == 1 && after.promisedMemoryMB == 256)
      }
    }

    @Test(arguments: ["", "MemTotal", "MemTotal: x kB\nMemAvailable:"]) func memoryThatIsNotToldIsNone(_ text: String) {
      let memory = HostMeasure.memory(text)
      #expect(memory.total == 0 && memory.available == 0)
    }
  }

  @Suite struct TreeCopies {
    private func with(_ body: (Directory, Directory, String) throws -> Void) throws {
      let path = "/var/tmp/rookery-copy-" + String(UInt64.random(in: 0 ..< .max), radix: 36)
      let source = try Directory.make(path: path + "/source", mode: 0o755)
      let target = try Directory.make(path: path + "/target", mode: 0o755)
      defer { try? FileManager.default.removeItem(atPath: path) }
      try body(source, target, path)
    }

    private func copy(_ source: Directory, _ target: Directory, bytes: Int = 1 << 20, entries: Int = 100) throws -> DiskUsage {
      try target.makeDirectory("tree", mode: 0o755)
      return try TreeCopy.copy(
        source, to: target.existing("tree"), scratch: target, bounds: .init(bytes: bytes, entries: entries, time: .seconds(60)))
    }

    @Test func linksLeadNowhereAndSpecialFilesStayWhatTheyAre() throws {
      try with { source, target, path in
        try Data("secret".utf8).write(to: URL(fileURLWithPath: path + "/secret"))
        symlinkat(path + "/secret", source.descriptor, "link")
        symlinkat(path, source.descriptor, "directory")
        mkfifoat(source.descriptor, "pipe", 0o600)
        mknodat(source.descriptor, "whiteout", S_IFCHR, 0)
        mknodat(source.descriptor, "device", S_IFCHR | 0o666, 0x103)
        let usage = try copy(source, target)
        #expect(usage.files == 5 && usage.bytes == 0)
        #expect(try FileManager.default.destinationOfSymbolicLink(atPath: path + "/target/tree/link") == path + "/secret")
        #expect(Set(try target.existing("tree").names()) == ["link", "directory", "pipe", "whiteout"])
        #expect(try target.names() == ["tree"])
      }
    }

    @Test func boundsHold() throws {
      try with { source, target, _ in
        try source.write("file", Data(count: 70_000), durable: false)
        #expect(throws: RookeryError.self) { _ = try copy(source, target, bytes: 60_000) }
      }
      try with { source, target, _ in
        for number in 0..<20 { try source.write("\(number)", Data(), durable: false) }
        #expect(throws: RookeryError.self) { _ = try copy(source, target, entries: 10) }
      }
      try with { source, target, path in
        try FileManager.default.createDirectory(
          atPath: path + "/source/" + Array(repeating: "d", count: 140).joined(separator: "/"), withIntermediateDirectories: true)
        #expect(throws: RookeryError.self) { _ = try copy(source, target, entries: 1000) }
      }
    }
  }
}
