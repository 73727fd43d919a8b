import Foundation
import Glibc
import RookeryModel
import Testing

@testable import RookeryHost

/// All suites that start real sandboxes, one test after the other.
@Suite(.serialized) struct HostTests {}

extension HostTests {
  @Suite struct Life {
    @Test func aSandboxIsMadeListedAndEndedWithoutATrace() async throws {
      try await HostFixture.with { host in
        let sandbox = try await host.create()
        #expect(sandbox.record.state == .running)
        #expect(try await host.list().map(\.id) == [sandbox.id])
        let output = try await sandbox.run("id -u; id -g; pwd; hostname; cat /etc/hosts; echo here > /workspace/file")
        #expect(output.text.hasPrefix("1000\n1000\n/workspace\nsandbox\n"))
        #expect(output.text.contains("git.rookery.internal model.rookery.internal"))
        #expect(output.code == 0)
        try await host.terminate(sandbox.id)
        #expect(try await host.list() == [])
        #expect(try host.traces(of: sandbox.id) == [])
        // Again, and one that never was: the same answer.
        try await host.terminate(sandbox.id)
        try await host.terminate(.random(prefix: "never-"))
      }
    }

    @Test func creatingIsIdempotentById() async throws {
      try await HostFixture.with { host in
        let id = SandboxID.random(prefix: "t-")
        async let first = host.create(id: id)
        async let second = host.create(id: id)
        let records = try await [first.record, second.record]
        #expect(records[0] == records[1])
        let count = try await host.list().count
        #expect(count == 1)
        let other = await HostFixture.code { try await host.create(.snapshot(.random(prefix: "s-")), id: id) }
        #expect(other == .conflict)
      }
    }
  }
}
