import Glibc
import RookeryModel
import RookeryRunner
import RookeryRunnerClient
import Testing

@Suite("Clients that break the rules", .serialized, .timeLimit(.minutes(5)))
struct RunnerHostileClientTests {
  static let garbage: [[UInt8]] = [
    [0xff, 0xff, 0xff, 0xff, 1, 2, 3],
    [0, 0, 0, 0],
    [0, 0x10, 0, 1, 0],
    Array("GET / HTTP/1.1\r\nHost: x\r\n\r\n".utf8),
    [0, 0, 0, 5, 99, 0, 0, 0, 1],
    RunnerRequest.list.frame(number: 1),
    RunnerRequest.hello(version: 1).frame(number: 1) + [0, 0, 0, 5, 2, 0, 0, 0, 1],
  ]

  @Test func aListenerThatWasShutTakesNoProcessorTime() async throws {
    let runner = try RunnerFixture(shut: true)
    try await Task.sleep(for: .milliseconds(300))
    let before = runner.ticks
    try await Task.sleep(for: .seconds(1))
    #expect(runner.ticks - before < 20)
    await runner.end()
  }

  @Test(arguments: garbage) func garbageClosesOnlyItsOwnConnection(_ bytes: [UInt8]) async throws {
    try await withRunner { runner, connection in
      let raw = try RawClient(runner.socket)
      raw.send(bytes)
      while let (_, reply) = try raw.next() {
        guard case .hello = reply else {
          Issue.record("an answer to garbage: \(reply)")
          break
        }
      }
      #expect(try await connection.run(.shell("echo ok")).text == "ok\n")
    }
  }

  @Test func randomBytesNeverHurt() async throws {
    try await withRunner { runner, connection in
      for round in 0..<100 {
        let raw = try RawClient(runner.socket)
        if round % 2 == 0 { raw.send(.hello(version: 1), number: 1) }
        let body = (0..<Int.random(in: 1...200)).map { _ in UInt8.random(in: 0...255) }
        // Whole frames of a known kind with random contents get furthest.
        let count = UInt32(body.count + 5)
        let head = withUnsafeBytes(of: count.bigEndian) { Array($0) } + [UInt8.random(in: 0...10), 0, 0, 0, 9]
        raw.send(head + body)
      }
      #expect(try await connection.run(.shell("echo ok")).text == "ok\n")
    }
  }

  @Test func anotherVersionIsToldOurs() async throws {
    try await withRunner { runner, _ in
      let raw = try RawClient(runner.socket)
      raw.send(.hello(version: 999), number: 7)
      let answer = try #require(try raw.next())
      #expect(answer.number == 7)
      #expect(answer.reply == .failed(.version(RunnerProtocol.version)))
      #expect(try raw.next() == nil)
    }
  }

  @Test func aClientThatNeverReadsOrDiesBlocksNobody() async throws {
    try await withRunner { runner, connection in
      let size = 16 << 20
      let spec = try ProcessSpec.shell(Pattern.script(size))
      var silent: [RawClient] = []
      for _ in 0..<10 {
        let raw = try RawClient(runner.socket)
        raw.send(.hello(version: 1), number: 1)
        raw.send(.attach(process: "p", from: OutputOffsets(), window: .max), number: 2)
        silent.append(raw)
      }
      // One asks and asks without reading the answers, until its own side is full.
      let chatty = try RawClient(runner.socket)
      chatty.send(.hello(version: 1), number: 1)
      var isFull = false
      for number in UInt32(2)..<400_000 {
        let frame = RunnerRequest.list.frame(number: number)
        guard send(chatty.descriptor, frame, frame.count, Int32(MSG_NOSIGNAL) | Int32(MSG_DONTWAIT)) > 0 else {
          isFull = true
          break
        }
      }
      #expect(isFull)
      try await connection.start(spec)
      let result = try await connection.collect(spec.id, window: 32 << 20)
      #expect(result.stdout.count == size)
      #expect(runner.residentKB < 30_000)
      // Half of a request, then gone.
      silent[0].send(Array(RunnerRequest.list.frame(number: 3).prefix(6)))
      silent = []
      #expect(try await connection.run(.shell("echo ok", id: "q")).text == "ok\n")
    }
  }

  @Test func connectionsAreBounded() async throws {
    try await withRunner { runner, connection in
      var raws: [RawClient] = []
      for _ in 0..<70 {
        let raw = try RawClient(runner.socket)
        raw.send(.hello(version: 1), number: 1)
        raws.append(raw)
      }
      var greeted = 0
      for raw in raws where try raw.next() != nil { greeted += 1 }
      #expect(greeted == 63)
      raws = []
      #expect(try await connection.run(.shell("echo ok")).text == "ok\n")
      try await eventually("a place is free again") { (try? await runner.connect()) != nil }
    }
  }
}
