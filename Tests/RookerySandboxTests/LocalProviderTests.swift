import Foundation
import Logging
import RookeryGateway
import RookeryHost
import RookeryModel
import RookeryTestSupport
import Testing

@testable import RookerySandbox

@Suite(.serialized) struct LocalProviderTests {
  private let limits = Limits(memoryMB: 256, cpus: 1, processes: 128, diskMB: 512, runtimeSeconds: 600)

  private func specification(_ id: SandboxID = .random(prefix: "t-")) -> CreateSandbox {
    CreateSandbox(id: id, source: .base(SandboxStack.base), limits: limits, bundles: [])
  }

  private func process(_ script: String, input: Bool = false) -> ProcessSpec {
    ProcessSpec(
      id: .random(prefix: "p-"), argv: ["/bin/sh", "-c", script], environment: BuildShell.environment(of: .agent), directory: "/",
      account: .agent, input: input)
  }

  @Test func aSandboxIsMadeOnceAndFoundAgain() async throws {
    try await SandboxStack.with { stack in
      let wanted = specification()
      let first = try await stack.provider.create(wanted)
      let again = try await stack.provider.create(wanted)
      #expect(again.id == first.id)
      #expect(try await stack.provider.list().map(\.id) == [wanted.id])

      // Output is read to the middle, and from there on over another connection.
      let writer = process("printf one; read line; printf two$line", input: true)
      try await first.start(writer)
      var reached = StreamOffsets()
      for try await case .output(let stream, let offset, let bytes) in first.output(of: writer.id, from: reached, window: 1 << 16) {
        reached[stream] = offset + UInt64(bytes.count)
        if reached.stdout == 3 { break }
      }
      await first.detach()
      let attached = try #require(try await stack.provider.attach(wanted.id))
      #expect(try await attached.write(Array("x\n".utf8), to: writer.id, at: 0) == 2)
      #expect(try await attached.write(Array("x\n".utf8), to: writer.id, at: 0) == 2, "a repetition is harmless")
      var rest: [UInt8] = []
      var exit: ProcessExit?
      for try await event in attached.output(of: writer.id, from: reached, window: 1 << 16) {
        switch event {
        case .output(_, _, let bytes): rest += bytes
        case .exited(let how): exit = how
        }
      }
      #expect(String(decoding: rest, as: UTF8.self) == "twox")
      #expect(exit == .code(0))
      // The detached one connects again when it is used.
      #expect(try await first.run(process("echo back")).output == "back\n")

      try await stack.provider.terminate(wanted.id, keep: nil)
      try await stack.provider.terminate(wanted.id, keep: nil)
      #expect(try await stack.provider.attach(wanted.id) == nil)
      await #expect(throws: RookeryError.self) { try await attached.run(process("echo dead")) }
    }
  }

  @Test func callsWaitForAHostThatRestarts() async throws {
    try await SandboxStack.with { stack in
      let sandbox = try await stack.provider.create(specification())
      await stack.stopHost()
      #expect(await !stack.provider.isReady())
      #expect(try await sandbox.run(process("echo alive")).output == "alive\n", "sandboxes live on without the host")
      async let records = stack.provider.list()
      await stack.startHost()
      #expect(try await records.map(\.id) == [sandbox.id])
      #expect(await stack.provider.isReady())
      try await stack.provider.terminate(sandbox.id, keep: nil)
    }
  }

  @Test func aSnapshotKeepsWhatWasWritten() async throws {
    try await SandboxStack.with { stack in
      let sandbox = try await stack.provider.create(specification())
      _ = try await sandbox.run(process("echo kept > /home/agent/file"))
      let snapshot = SnapshotID.random(prefix: "s-")
      try await stack.provider.terminate(sandbox.id, keep: snapshot)
      #expect(try await stack.inside(.snapshot(snapshot), "cat /home/agent/file").output == "kept\n")
      try await stack.provider.removeSnapshot(snapshot)
      let error = await #expect(throws: RookeryError.self) { try await stack.inside(.snapshot(snapshot), "true") }
      #expect(error?.code == .notFound)
    }
  }

  @Test func theEndOfASandboxIsTold() async throws {
    try await SandboxStack.with { stack in
      let last = try await stack.provider.events(after: 0, wait: 0).last?.seq ?? 0
      let sandbox = try await stack.provider.create(
        CreateSandbox(
          id: .random(prefix: "t-"), source: .base(SandboxStack.base), limits: Limits(memoryMB: 256, runtimeSeconds: 1), bundles: []))
      var reached = last
      var told = false
      let deadline = ContinuousClock.now + .seconds(60)
      while !told && ContinuousClock.now < deadline {
        let events = try await stack.provider.events(after: reached, wait: 10)
        told = events.contains { event in
          if case .limitHit(.runtime, _) = event.kind { event.sandbox == sandbox.id } else { false }
        }
        reached = events.last?.seq ?? reached
      }
      #expect(told)
      try await eventually { try await stack.provider.attach(sandbox.id) == nil }
    }
  }

  @Test func aServerOfAnotherUserIsRefused() async throws {
    try await SandboxStack.with { stack in
      let provider = LocalProvider(socket: stack.hostSettings.socket, allowedServers: [4242], logger: Logger(label: "t"))
      let error = await #expect(throws: RookeryError.self) { try await provider.list() }
      #expect(error?.code == .forbidden)
      let gateway = GatewayClient(socket: stack.gatewaySettings.controlSocket, allowedServers: [4242], logger: Logger(label: "t"))
      #expect(await !gateway.isReady())
    }
  }

  @Test func anAbsentHostIsUnavailable() async throws {
    let provider = LocalProvider(socket: "/nonexistent/host.sock", patience: .milliseconds(200), logger: Logger(label: "t"))
    let error = await #expect(throws: RookeryError.self) { try await provider.list() }
    #expect(error?.code == .unavailable)
  }
}
