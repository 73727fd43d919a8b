import Foundation
import Glibc
import RookeryControl
import RookeryModel
import Testing

@testable import RookeryHost

extension HostTests {
  @Suite struct Layers {
    static func manifest(_ image: ImageID, parent: CreateSandbox.Source) -> ImageManifest {
      ImageManifest(
        id: image, repository: .random(prefix: "repo-"), commit: "c0ffee", environmentDigest: "e", created: Date(), parent: parent)
    }

    @Test func aKeptSandboxGoesOnAsANewOne() async throws {
      try await HostFixture.with { host in
        let first = try await host.create()
        _ = try await first.run(
          "echo one > /workspace/one; rm /etc/motd /etc/debian_version; mkdir -p /opt/own; echo x > /opt/own/x", as: .root)
        let snapshot = SnapshotID.random(prefix: "s-")
        try await host.terminate(first.id, keep: snapshot)
        try await host.terminate(first.id, keep: snapshot)
        #expect(try host.traces(of: first.id) == [])
        let second = try await host.create(.snapshot(snapshot))
        let output = try await second.run(
          "cat /workspace/one; ls /etc/debian_version; rm /workspace/one; echo two > /workspace/two", as: .root)
        #expect(output.text.hasPrefix("one\n") && output.text.contains("No such file"))
        // Another sandbox of the same snapshot sees nothing of the second's changes.
        let third = try await host.create(.snapshot(snapshot))
        let own = try await third.run("ls /workspace")
        #expect(own.text == "one")
        let inUse = await HostFixture.code { try await host.ask(.removeSnapshot(snapshot)) }
        #expect(inUse == .conflict)
        let next = SnapshotID.random(prefix: "s-")
        try await host.terminate(second.id, keep: next)
        try await host.terminate(third.id)
        let parentInUse = await HostFixture.code { try await host.ask(.removeSnapshot(snapshot)) }
        #expect(parentInUse == .conflict)
        guard case .snapshots(let records) = try await host.ask(.listSnapshots) else { return }
        #expect(records.map(\.id) == [snapshot, next] && records.last?.parent == .snapshot(snapshot))
        let fourth = try await host.create(.snapshot(next))
        let stacked = try await fourth.run("ls /workspace")
        #expect(stacked.text == "two")
        try await host.terminate(fourth.id)
        for id in [next, snapshot] { #expect(try await host.ask(.removeSnapshot(id)) == .done) }
        let gone = await HostFixture.code { try await host.create(.snapshot(snapshot)) }
        #expect(gone == .notFound)
      }
    }

    @Test func anImageIsALayerUnderLaterSandboxes() async throws {
      try await HostFixture.with { host in
        let build = try await host.create()
        _ = try await build.run("echo setup > /usr/local/setup", as: .root)
        let image = ImageID.random(prefix: "i-")
        let manifest = Self.manifest(image, parent: build.record.source)
        for _ in 0..<2 { #expect(try await host.ask(.publishImage(build.id, image: image, manifest: manifest)) == .done) }
        guard case .images(let images) = try await host.ask(.listImages) else { return }
        #expect(images.map(\.id) == [image] && images.first?.commit == "c0ffee")
        let sandbox = try await host.create(.image(image))
        let output = try await sandbox.run("cat /usr/local/setup")
        #expect(output.text == "setup")
        let inUse = await HostFixture.code { try await host.ask(.removeImage(image)) }
        #expect(inUse == .conflict)
        let secondImage = ImageID.random(prefix: "i-")
        let lie = await HostFixture.code {
          try await host.ask(
            .publishImage(sandbox.id, image: secondImage, manifest: Self.manifest(secondImage, parent: .base(HostFixture.base))))
        }
        #expect(lie == .badRequest)
        try await host.terminate(sandbox.id)
        #expect(try await host.ask(.removeImage(image)) == .done)
        let missing = await HostFixture.code { try await host.create(.image(image)) }
        #expect(missing == .imageMissing)
      }
    }

    @Test func aBundleIsMountedReadOnlyAndReplacedUnderRunningSandboxes() async throws {
      try await HostFixture.with { host in
        let agent = try AgentName("tool")
        let absent = await HostFixture.code { try await host.create(bundles: [agent]) }
        #expect(absent == .agentNotInstalled)
        func install(_ version: String) async throws {
          let build = try await host.create()
          let output = try await build.run(
            "mkdir -p /opt/rookery/agents/tool && echo \(version) > /opt/rookery/agents/tool/version", as: .root)
          #expect(output.code == 0)
          let manifest = BundleManifest(agent: agent, digest: version, created: Date())
          #expect(try await host.ask(.publishBundle(build.id, agent: agent, manifest: manifest)) == .done)
          #expect(try host.traces(of: build.id) == [])
        }
        try await install("1")
        let old = try await host.create(bundles: [agent])
        try await install("2")
        let new = try await host.create(bundles: [agent])
        let read = "cat /opt/rookery/agents/tool/version"
        #expect(try await old.run(read).text == "1")
        #expect(try await new.run(read).text == "2")
        let write = try await new.run("echo 3 > /opt/rookery/agents/tool/version; rm -rf /opt/rookery/agents/tool", as: .root)
        #expect(write.code != 0)
        #expect(try await new.run(read).text == "2")
        guard case .bundles(let bundles) = try await host.ask(.listBundles) else { return }
        #expect(bundles.map(\.digest) == ["2"])
        let retired = host.settings.cacheDirectory + "/agents/.retired"
        #expect(try FileManager.default.contentsOfDirectory(atPath: retired).count == 1)
        try await host.terminate(old.id)
        // The last sandbox that saw the old version is gone, and with it the old version.
        #expect(try FileManager.default.contentsOfDirectory(atPath: retired) == [])
        #expect(try await new.run(read).text == "2")
      }
    }

    @Test func linksInATreeLeadRootNowhere() async throws {
      try await HostFixture.with { host in
        let outside = host.directory + "/outside"
        try FileManager.default.createDirectory(atPath: outside + "/tool", withIntermediateDirectories: true)
        try Data("precious".utf8).write(to: URL(fileURLWithPath: outside + "/tool/file"))
        let agent = try AgentName("tool")
        for trap in [
          "rm -rf /opt/rookery/agents; ln -s \(outside) /opt/rookery/agents",
          "rm -rf /opt/rookery; ln -s \(outside) /opt/rookery; mkdir -p /opt/rookery/agents/tool",
          "ln -s \(outside)/tool /opt/rookery/agents/tool",
          "echo file > /opt/rookery/agents/tool",
          "true",
        ] {
          let build = try await host.create()
          _ = try await build.run(trap, as: .root)
          let manifest = BundleManifest(agent: agent, digest: "x", created: Date())
          let code = await HostFixture.code { try await host.ask(.publishBundle(build.id, agent: agent, manifest: manifest)) }
          #expect(code == .setupFailed, "\(trap)")
          try await host.terminate(build.id)
        }
        let sandbox = try await host.create()
        _ = try await sandbox.run(
          "cd /workspace; ln -s \(outside) link; ln -s / root; mkdir -p a; ln -s ../../../../../../../../..\(outside) a/up; mkfifo pipe; python3 -c \(Self.deep)"
        )
        try await host.terminate(sandbox.id)
        try await host.awaitEmptyTrash()
        #expect(try String(contentsOfFile: outside + "/tool/file", encoding: .utf8) == "precious")
      }
    }

    /// A tree far deeper than any path can name.
    private static let deep = #"'import os\#nfor i in range(3000):\#n os.mkdir("d"); os.chdir("d")'"#
  }

  @Suite struct HostileServe {
    static let hostile: [String] = [
      #"{"create":{"_0":{"id":"../../etc","source":{"base":{"_0":"debian-bookworm"}},"limits":{"memoryMB":512,"cpus":1,"processes":64,"diskMB":100,"runtimeSeconds":60},"bundles":[]}}}"#,
      #"{"create":{"_0":{"id":"ok","source":{"base":{"_0":"../../../etc"}},"limits":{"memoryMB":512,"cpus":1,"processes":64,"diskMB":100,"runtimeSeconds":60},"bundles":[]}}}"#,
      #"{"create":{"_0":{"id":"ok","source":{"image":{"_0":"a/b"}},"limits":{"memoryMB":512,"cpus":1,"processes":64,"diskMB":100,"runtimeSeconds":60},"bundles":[]}}}"#,
      #"{"create":{"_0":{"id":"ok","source":{"base":{"_0":"debian-bookworm"}},"limits":{"memoryMB":512,"cpus":1,"processes":64,"diskMB":100,"runtimeSeconds":60},"bundles":["../x"]}}}"#,
      #"{"terminate":{"_0":"..","keep":null}}"#,
      #"{"terminate":{"_0":"x/../y"}}"#,
      #"{"removeImage":{"_0":"/"}}"#,
      #"{"removeSnapshot":{"_0":".."}}"#,
      #"{"removeSnapshot":{"_0":".partial-x"}}"#,
      #"{"exec":{"_0":"id"}}"#,
      #"{}"#,
      #"[]"#,
    ]

    @Test func malformedRequestsAreRefused() async throws {
      try await HostFixture.with { host in
        for request in Self.hostile {
          let value = try JSON.decode(JSONValue.self, from: Data(request.utf8))
          let code = await HostFixture.code { try await host.client.call(value, as: HostResponse.self) }
          #expect(code == .badRequest, "\(request)")
        }
        let left = try await host.list()
        #expect(left == [])
      }
    }

    @Test func absurdLimitsAreRefusedAndLargeOnesCutDown() async throws {
      try await HostFixture.with { host in
        for limits in [
          Limits(memoryMB: 0), Limits(memoryMB: -1), Limits(cpus: 0), Limits(cpus: -1), Limits(processes: 0), Limits(runtimeSeconds: -5),
        ] {
          let code = await HostFixture.code { try await host.create(limits: limits) }
          #expect(code == .badRequest)
        }
        let sandbox = try await host.create(
          limits: Limits(memoryMB: .max >> 24, cpus: 1e300, processes: .max, diskMB: .max, runtimeSeconds: .max))
        let output = try await sandbox.run("echo fine")
        #expect(output.text == "fine")
      }
    }

    @Test func unknownThingsAreRefusedAndLeaveNothing() async throws {
      try await HostFixture.with { host in
        let id = SandboxID.random(prefix: "t-")
        let codes = [
          await HostFixture.code { try await host.create(.snapshot(.random(prefix: "s-")), id: id) },
          await HostFixture.code { try await host.create(.image(.random(prefix: "i-")), id: id) },
          await HostFixture.code { try await host.create(.base(BaseName("nonsense")), id: id) },
          await HostFixture.code { try await host.create(bundles: [AgentName("nonsense")], id: id) },
          await HostFixture.code { try await host.ask(.terminate(id, keep: .random(prefix: "s-"))) },
          await HostFixture.code { try await host.ask(.freeze(id)) },
        ]
        #expect(codes == [.notFound, .imageMissing, .notFound, .agentNotInstalled, .notFound, .notFound])
        let traces = try host.traces(of: id)
        #expect(traces == [])
        let many = (0..<40).map { AgentName.random(prefix: "a\($0)") }
        let code = await HostFixture.code { try await host.create(bundles: many, id: id) }
        #expect(code == .badRequest)
      }
    }

    @Test func theNumberOfSandboxesIsBounded() async throws {
      var host = try await HostFixture()
      host = try HostFixture(host) { $0.maximumSandboxes = 2 }
      try await host.serving {
        _ = try await host.create()
        _ = try await host.create()
        let code = await HostFixture.code { try await host.create() }
        #expect(code == .limitHit)
      }
      await host.clear()
    }

    @Test func aBaseListThatOthersMayWriteIsRefused() async throws {
      try await HostFixture.with { host in
        let list = host.settings.cacheDirectory + "/bases.json"
        chmod(list, 0o666)
        let code = await HostFixture.code { try await host.create() }
        #expect(code == .configurationInvalid)
      }
    }
  }
}
