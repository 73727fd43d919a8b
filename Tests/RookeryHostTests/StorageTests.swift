import CSandbox
import Foundation
import Glibc
import RookeryModel
import Testing

@testable import RookeryHost

extension HostTests {
  @Suite struct Storage {
    /// The loop device over a host's file, as the kernel tells; nil when there is none.
    private func device(of host: HostFixture) throws -> String? {
      for name in try FileManager.default.contentsOfDirectory(atPath: "/sys/block") where name.hasPrefix("loop") {
        if CgroupFile.read("/sys/block/\(name)/loop/backing_file")?.contains(host.directory) == true { return name }
      }
      return nil
    }

    @Test func aNewDirectoryGetsAVolumeThatGoesAwayWithItsUsers() async throws {
      let host = try await HostFixture()
      try await host.serving {
        let sandbox = try await host.create()
        #expect(try device(of: host) != nil)
        // What a sandbox sees of it is its own root, and no more.
        let mounts = try await sandbox.run("cat /proc/mounts; ls /dev/loop* /run/volume", as: .root)
        #expect(!mounts.text.contains("loop0 / ") && !mounts.text.contains("/run/volume btrfs") && mounts.code != 0)
        // Nor does this machine's table of mounts.
        #expect(CgroupFile.read("/proc/self/mountinfo")?.contains(host.directory) == false)
      }
      let text = try String(contentsOfFile: host.settings.dataDirectory + "/storage.json", encoding: .utf8)
      #expect(text.contains("volume"))
      await host.clear()
      let deadline = ContinuousClock.now + .seconds(60)
      while try device(of: host) != nil, ContinuousClock.now < deadline { try await Task.sleep(for: .milliseconds(5)) }
      #expect(try device(of: host) == nil)
    }

    @Test func aKilledHostsVolumeIsTakenUpAgain() async throws {
      let host = try await HostFixture(.volume)
      let first = try HostProcess(host)
      let sandbox = try await host.create()
      _ = try await sandbox.run("echo before > /workspace/file")
      let snapshot = SnapshotID.random(prefix: "s-")
      #expect(try await host.ask(.snapshot(sandbox.id, as: snapshot)) == .done)
      first.kill()
      #expect(try await sandbox.run("echo between >> /workspace/file; cat /workspace/file").text == "before\nbetween")
      try await host.serving {
        #expect(try await host.list().map(\.state) == [.running])
        let copy = try await host.create(.snapshot(snapshot))
        #expect(try await copy.run("cat /workspace/file").text == "before")
        let next = SnapshotID.random(prefix: "s-")
        try await host.terminate(sandbox.id, keep: next)
        let later = try await host.create(.snapshot(next))
        #expect(try await later.run("cat /workspace/file").text == "before\nbetween")
      }
      await host.clear()
    }

    @Test func whatADirectoryWasMadeWithStays() async throws {
      let host = try await HostFixture(.directories)
      let snapshot = SnapshotID.random(prefix: "s-")
      try await host.serving {
        let sandbox = try await host.create()
        _ = try await sandbox.run("echo kept > /workspace/file")
        try await host.terminate(sandbox.id, keep: snapshot)
      }
      // As a version did that knew nothing else.
      try FileManager.default.removeItem(atPath: host.settings.dataDirectory + "/storage.json")
      let data = try Directory(path: host.settings.dataDirectory)
      #expect(try HostStorage.recorded(in: data) == .directories)
      try await host.serving {
        let sandbox = try await host.create(.snapshot(snapshot))
        #expect(try await sandbox.run("cat /workspace/file").text == "kept")
      }
      await host.clear()
    }

    @Test func subvolumesOfTheDirectoriesOwnFileSystemServeAsWell() async throws {
      let host = try await HostFixture()
      // A btrfs that is mounted as an operator would.
      let image = host.directory + "/disk"
      let made = try await Self.run(
        "truncate -s 1G \(image) && mkfs.btrfs -q \(image) && mkdir -p \(host.directory)/host && mount -o loop \(image) \(host.directory)/host"
      )
      try #require(made == 0)
      try await host.serving {
        let sandbox = try await host.create(limits: Limits(memoryMB: 256, cpus: 1, processes: 64, diskMB: 64))
        let output = try await sandbox.run("head -c 100M /dev/zero > big; ls -l big > list; echo kept > file")
        #expect(output.text.contains("quota"))
        let snapshot = SnapshotID.random(prefix: "s-")
        _ = try await sandbox.run("rm big; sync; echo kept > file")
        #expect(try await host.ask(.snapshot(sandbox.id, as: snapshot)) == .done)
        let copy = try await host.create(.snapshot(snapshot))
        #expect(try await copy.run("cat file").text == "kept")
        #expect(try HostStorage.recorded(in: Directory(path: host.settings.dataDirectory)) == .subvolumes)
      }
      try? await host.serving { for sandbox in try await host.list() { try? await host.terminate(sandbox.id) } }
      #expect(try await Self.run("umount -l \(host.directory)/host") == 0)
      await host.clear()
    }

    @Test func accountsOfRemovedLayersAreForgotten() throws {
      let path = "/var/tmp/rookery-volume-" + String(UInt64.random(in: 0 ..< .max), radix: 36)
      let data = try Directory.make(path: path, mode: 0o700)
      defer { try? FileManager.default.removeItem(atPath: path) }
      var settings = HostSettings(
        dataDirectory: path, runDirectory: path, cacheDirectory: path, serveUser: 0, gatewayUser: 0, gatewaySocket: "", runnerBinary: "")
      settings.storage = .volume
      settings.volumeMB = 1024
      let storage = try HostStorage.open(settings, data: data, log: HostFixture.log)
      let volume = try #require(storage.volume)
      try volume.makeSubvolume("one", in: storage.root, limit: 1 << 30)
      try volume.makeSubvolume("two", in: storage.root, limit: 1 << 30)
      let two = try volume.number(of: storage.root.existing("two"))
      let one = try volume.number(of: storage.root.existing("one"))
      #expect(volume.usage(of: one) != nil && volume.usage(of: two) != nil)
      try BtrfsVolume.destroySubvolumes("one", in: storage.root)
      try storage.root.syncFileSystem()
      try volume.forgetAccounts { [two] }
      #expect(volume.usage(of: two) != nil)
      #expect(!storage.root.exists("one") && storage.root.exists("two"))
    }

    private static func run(_ command: String) async throws -> Int32 {
      let process = Process()
      process.executableURL = URL(fileURLWithPath: "/bin/sh")
      process.arguments = ["-c", command]
      try process.run()
      process.waitUntilExit()
      return process.terminationStatus
    }
  }
}
