import RookeryModel
import RookeryRunner
import RookeryRunnerClient
import Testing

@Suite("A runner that breaks the rules", .timeLimit(.minutes(5)))
struct HostileRunnerTests {
  /// A runner that greets, and answers everything else with what `reply` makes.
  private func connect(
    _ reply: @escaping @Sendable (RunnerRequest, UInt32) -> [UInt8]
  ) async throws -> (FakeRunner, RunnerConnection) {
    let runner = try FakeRunner { request, number in
      if case .hello = request { return RunnerReply.hello(version: 1, sandbox: "sbx-1").frame(number: number) }
      return reply(request, number)
    }
    return (runner, try await RunnerConnection.connect(socket: runner.path, timeout: .seconds(30)))
  }

  static let greetings: [[UInt8]] = [
    RunnerReply.hello(version: 2, sandbox: "sbx-1").frame(number: 1),
    RunnerReply.hello(version: 1, sandbox: "../../etc").frame(number: 1),
    RunnerReply.done.frame(number: 1),
    RunnerReply.failed(.version(2)).frame(number: 1),
    [0xff, 0xff, 0xff, 0xff],
    Array("HTTP/1.1 200 OK\r\n\r\n".utf8),
  ]

  @Test(arguments: greetings) func aBadGreetingFails(_ bytes: [UInt8]) async throws {
    let runner = try FakeRunner { _, _ in bytes }
    await #expect(throws: (any Error).self) { try await RunnerConnection.connect(socket: runner.path, timeout: .seconds(30)) }
  }

  @Test func silenceFailsInTime() async throws {
    let runner = try FakeRunner { _, _ in [] }
    let error = await #expect(throws: RookeryError.self) {
      try await RunnerConnection.connect(socket: runner.path, timeout: .milliseconds(200))
    }
    #expect(error?.code == .sandboxLost)
  }

  @Test func nobodyThereFails() async throws {
    let error = await #expect(throws: RookeryError.self) {
      try await RunnerConnection.connect(socket: "/tmp/rk-no-such-socket", timeout: .seconds(30))
    }
    #expect(error?.code == .sandboxLost)
  }

  static let badOutputs: [[RunnerReply]] = [
    [.output(.stdout, offset: 1, bytes: [1])],
    [.output(.stdout, offset: 0, bytes: [1]), .output(.stdout, offset: 0, bytes: [1])],
    [.output(.stdout, offset: 0, bytes: [])],
    [.output(.stderr, offset: .max, bytes: [1, 2])],
  ]

  @Test(arguments: badOutputs) func outputThatDoesNotFollowEndsTheConnection(_ replies: [RunnerReply]) async throws {
    let (runner, connection) = try await connect { _, number in replies.flatMap { $0.frame(number: number) } }
    let error = await #expect(throws: RookeryError.self) { _ = try await connection.collect(ProcessID("p")) }
    #expect(error?.code == .sandboxLost)
    let later = await #expect(throws: RookeryError.self) { try await connection.processes() }
    #expect(later?.code == .sandboxLost)
    withExtendedLifetime(runner) {}
  }

  @Test func anExitIsTheEnd() async throws {
    let (runner, connection) = try await connect { _, number in
      RunnerReply.exited(.code(1)).frame(number: number) + RunnerReply.output(.stdout, offset: 0, bytes: [1]).frame(number: number)
    }
    let result = try await connection.collect(ProcessID("p"))
    #expect(result.exit == .code(1))
    #expect(result.stdout.isEmpty)
    withExtendedLifetime(runner) {}
  }

  @Test func moreThanTheWindowIsNotKept() async throws {
    let chunk = [UInt8](repeating: 1, count: 1000)
    let (runner, connection) = try await connect { request, number in
      switch request {
      case .attach(_, let from, let window):
        #expect(window == 4000)
        // Far more than was asked for.
        return (0..<200).flatMap {
          RunnerReply.output(.stdout, offset: from.stdout + UInt64($0 * 1000), bytes: chunk).frame(number: number)
        }
      case .list: return RunnerReply.processes([], more: false).frame(number: number)
      default: return []
      }
    }
    var stream = connection.output(of: try ProcessID("p"), from: StreamOffsets(), window: 4000).makeAsyncIterator()
    _ = try await connection.processes()
    var reached: UInt64 = 0
    // Each round of attaching gives what fits, so that nothing is missed either.
    while reached < 40_000 {
      guard case .output(_, let offset, let bytes) = try await stream.next() else {
        Issue.record("the stream ended")
        return
      }
      #expect(offset == reached)
      reached += UInt64(bytes.count)
    }
    withExtendedLifetime(runner) {}
  }

  @Test func answersOfTheWrongKindFail() async throws {
    let (runner, connection) = try await connect { _, number in RunnerReply.written(upTo: 5).frame(number: number) }
    await #expect(throws: RookeryError.self) { try await connection.signal(ProcessID("p"), .kill) }
    withExtendedLifetime(runner) {}
  }

  @Test func aWriteThatGoesBackFails() async throws {
    let (runner, connection) = try await connect { _, number in RunnerReply.written(upTo: 5).frame(number: number) }
    let error = await #expect(throws: RookeryError.self) { try await connection.write([1], to: ProcessID("p"), at: 10) }
    #expect(error?.code == .sandboxLost)
    withExtendedLifetime(runner) {}
  }

  @Test func anEndlessListFails() async throws {
    let entries = (0..<4096).map { RunnerReply.ProcessEntry(process: "p\($0)", exit: nil) }
    let frame = { @Sendable (number: UInt32) in RunnerReply.processes(entries, more: true).frame(number: number) }
    let (runner, connection) = try await connect { _, number in (0..<20).flatMap { _ in frame(number) } }
    let error = await #expect(throws: RookeryError.self) { try await connection.processes() }
    #expect(error?.code == .sandboxLost)
    withExtendedLifetime(runner) {}
  }

  @Test func randomFramesNeverTrap() async throws {
    for _ in 0..<50 {
      let (runner, connection) = try await connect { _, number in
        var bytes: [UInt8] = []
        for _ in 0..<20 {
          let body = (0..<Int.random(in: 0...40)).map { _ in UInt8.random(in: 0...255) }
          let kind: UInt8 = [64, 65, 66, 67, 68, 80, 81, 82].randomElement() ?? 0
          var writer = ByteWriter()
          var frame = ByteWriter()
          frame.number(kind)
          frame.number(number)
          writer.string(frame.bytes + body)
          bytes += writer.bytes
        }
        return bytes
      }
      // Whatever comes of it, it comes back.
      _ = try? await connection.collect(ProcessID("p"))
      _ = try? await connection.processes()
      withExtendedLifetime(runner) {}
    }
  }

  @Test func cancellationEndsAWait() async throws {
    let (runner, connection) = try await connect { _, _ in [] }
    let waiting = Task { try await connection.processes() }
    let following = Task { try await connection.collect(ProcessID("p")) }
    waiting.cancel()
    following.cancel()
    await #expect(throws: CancellationError.self) { try await waiting.value }
    _ = try? await following.value
    await connection.close()
    withExtendedLifetime(runner) {}
  }
}
