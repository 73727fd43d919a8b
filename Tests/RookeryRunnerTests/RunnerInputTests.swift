import Foundation
import Glibc
import RookeryModel
import RookeryRunnerClient
import Testing

@Suite("Standard input through the real runner", .serialized, .timeLimit(.minutes(5)))
struct RunnerInputTests {
  @Test func aRepeatedWriteIsHarmless() async throws {
    try await withRunner { runner, connection in
      let spec = try ProcessSpec.shell("cat", input: true)
      try await connection.start(spec)
      #expect(try await connection.write(Array("hello ".utf8), to: spec.id, at: 0) == 6)
      #expect(try await connection.write(Array("hello ".utf8), to: spec.id, at: 0) == 6)
      let other = try await runner.connect()
      #expect(try await other.write(Array("lo world\n".utf8), to: spec.id, at: 3) == 12)
      #expect(try await connection.write(Array("ello".utf8), to: spec.id, at: 1) == 12)
      let gap = await #expect(throws: RookeryError.self) { try await connection.write([1], to: spec.id, at: 13) }
      #expect(gap?.code == .conflict)
      try await connection.closeInput(of: spec.id)
      #expect(try await connection.collect(spec.id).text == "hello world\n")
      let dead = await #expect(throws: RookeryError.self) { try await connection.write([1], to: spec.id, at: 12) }
      #expect(dead?.code == .conflict)
      try await connection.closeInput(of: spec.id)
    }
  }

  @Test func tenMegabytesComeBackUnchanged() async throws {
    try await withRunner { runner, connection in
      let bytes = (0..<10_000_000 / 64).flatMap { _ in Pattern.line }
      let spec = try ProcessSpec.shell("cat", input: true)
      try await connection.start(spec)
      async let echo = connection.collect(spec.id, window: 16 << 20)
      #expect(try await connection.write(bytes, to: spec.id, at: 0) == UInt64(bytes.count))
      try await connection.closeInput(of: spec.id)
      let result = try await echo
      #expect(result.stdout == bytes)
      #expect(result.exit == .code(0))
      #expect(runner.residentKB < 30_000)
    }
  }

  @Test func aWriterWaitsForAProcessThatDoesNotRead() async throws {
    try await withRunner { runner, connection in
      let spec = try ProcessSpec.shell("sleep 1000", input: true)
      try await connection.start(spec)
      let bytes = [UInt8](repeating: 7, count: 4 << 20)
      let writer = Task { try await connection.write(bytes, to: spec.id, at: 0) }
      // Others are served while it waits.
      #expect(try await connection.run(.shell("echo free", id: "q")).text == "free\n")
      #expect(runner.residentKB < 30_000)
      writer.cancel()
      await #expect(throws: CancellationError.self) { try await writer.value }
      let ended = Task { try await connection.write(bytes, to: spec.id, at: 0) }
      _ = try await connection.processes()
      try await connection.signal(spec.id, .kill)
      let error = await #expect(throws: RookeryError.self) { try await ended.value }
      #expect(error?.code == .conflict)
    }
  }

  @Test func inputThatNobodyOpenedIsRefused() async throws {
    try await withRunner { _, connection in
      let spec = try ProcessSpec.shell("wc -c; sleep 1000")
      try await connection.start(spec)
      for try await case .output(_, _, let bytes) in connection.output(of: spec.id, from: StreamOffsets(), window: 1000) {
        #expect(String(decoding: bytes, as: UTF8.self) == "0\n")
        break
      }
      let error = await #expect(throws: RookeryError.self) { try await connection.write([1], to: spec.id, at: 0) }
      #expect(error?.code == .conflict)
      let unknown = await #expect(throws: RookeryError.self) { try await connection.write([1], to: ProcessID("nobody"), at: 0) }
      #expect(unknown?.code == .notFound)
    }
  }

  @Test func aProcessThatClosesItsInputEndsTheWriter() async throws {
    try await withRunner { _, connection in
      let spec = try ProcessSpec.shell("exec 0<&-; echo closed; sleep 1000", input: true)
      try await connection.start(spec)
      for try await _ in connection.output(of: spec.id, from: StreamOffsets(), window: 1000) { break }
      let error = await #expect(throws: RookeryError.self) {
        _ = try await connection.write([1], to: spec.id, at: 0)
        _ = try await connection.write([2], to: spec.id, at: 1)
      }
      #expect(error?.code == .conflict)
    }
  }
}
