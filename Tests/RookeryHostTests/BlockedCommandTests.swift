import RookeryModel
import Testing

@testable import RookeryHost

extension HostTests {
  @Suite struct Blocked {
    @Test func blockedCommandsExplainThemselves() async throws {
      try await HostFixture.with { host in
        let sandbox = try await host.create(blocked: ["curl", "absent-command"])
        for command in ["curl http://example.com", "/usr/bin/curl --version", "bash -lc 'curl x'"] {
          let output = try await sandbox.run(command)
          #expect(output.code == 126 && output.text.contains("rookery: curl is blocked in this sandbox"), "\(command): \(output.text)")
        }
        // They stay covered for root inside, and nothing else is touched.
        #expect(try await sandbox.run("rm -f /usr/bin/curl; mv /bin/ls /usr/bin/curl; echo x > /usr/bin/curl", as: .root).code != 0)
        #expect(try await sandbox.run("git --version && ! command -v absent-command").code == 0)
        // Neither what is kept of it nor another sandbox knows of it.
        let snapshot = SnapshotID.random(prefix: "s-")
        try await host.terminate(sandbox.id, keep: snapshot)
        let free = try await host.create(.snapshot(snapshot), blocked: [])
        #expect(try await free.run("curl --version").text.hasPrefix("curl "))
        let build = try await host.create()
        #expect(try await build.run("curl --version", as: .root).code == 0)
      }
    }

    @Test func aLinkToAnotherProgramIsNotCovered() async throws {
      try await HostFixture.with { host in
        let first = try await host.create()
        _ = try await first.run(
          "cp /usr/bin/env /usr/local/bin/many; ln -sf many /usr/local/bin/wget; ln -s /etc/passwd /usr/local/bin/ssh", as: .root)
        let snapshot = SnapshotID.random(prefix: "s-")
        try await host.terminate(first.id, keep: snapshot)
        let sandbox = try await host.create(.snapshot(snapshot), blocked: ["wget", "ssh"])
        #expect(try await sandbox.run("many true && head -c 4 /etc/passwd").text == "root")
      }
    }

    @Test(arguments: [
      [""], ["."], [".."], ["../bin/curl"], ["/usr/bin/curl"], ["a b"], ["sh"], ["bash"], ["env"], ["cu\0rl"], ["ü"],
      [String(repeating: "a", count: 65)], (0..<65).map { "c\($0)" },
    ]) func otherNamesAreRefused(_ names: [String]) {
      #expect(throws: RookeryError.self) { try BlockedCommands(names) }
    }
  }
}
