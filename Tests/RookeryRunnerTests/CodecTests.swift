import RookeryRunner
import Testing

@Suite struct CodecTests {
  static let launch = LaunchRequest(
    process: "agent-1", arguments: [Array("sh".utf8), [], [0xff, 0xfe]], environment: [Array("A=b=c".utf8)],
    directory: Array("/workspace".utf8), account: .agent, input: true)

  static let requests: [RunnerRequest] = [
    .hello(version: 1), .start(launch), .attach(process: "p", from: OutputOffsets(stdout: 1, stderr: .max), window: 1 << 40),
    .detach(attachment: 7), .acknowledge(process: "p", OutputOffsets(stdout: 3)), .write(process: "p", offset: 9, bytes: [1, 2, 3]),
    .write(process: "p", offset: 0, bytes: []), .closeInput(process: "p.q"), .signal(process: "p", 9), .list,
  ]

  static let replies: [RunnerReply] =
    [
      .hello(version: 1, sandbox: "s"), .done, .written(upTo: .max),
      .processes(
        [.init(process: "a", exit: nil), .init(process: "b", exit: .code(-1)), .init(process: "c", exit: .signal(9))], more: true),
      .output(.stderr, offset: 1 << 50, bytes: [0, 255]), .exited(.code(3)), .exited(.signal(15)), .journal(full: true, used: 1, limit: 2),
    ] + failures.map { .failed($0) }

  static let failures: [RunnerFailure] =
    [
      .badRequest, .version(3), .unknownProcess, .exited, .inputClosed, .inputGap(accepted: 5), .forgotten, .beyondEnd, .limit,
      .system(error: 28),
    ] + LaunchStep.allCases.map { .launch($0, error: 2) }

  @Test(arguments: requests) func requestsComeBack(_ request: RunnerRequest) throws {
    var buffer = FrameBuffer()
    buffer.append(request.frame(number: 0xdead_beef))
    let frame = try #require(try buffer.next())
    let decoded = try RunnerRequest.decode(frame)
    #expect(decoded.number == 0xdead_beef)
    #expect(decoded.request == request)
    #expect(try buffer.next() == nil)
  }

  @Test(arguments: replies) func repliesComeBack(_ reply: RunnerReply) throws {
    var buffer = FrameBuffer()
    buffer.append(reply.frame(number: 1))
    let frame = try #require(try buffer.next())
    let decoded = try RunnerReply.decode(frame)
    #expect(decoded.number == 1)
    #expect(decoded.reply == reply)
  }

  @Test func everyCutIsRefused() {
    for request in Self.requests {
      let frame = request.frame(number: 1).dropFirst(4)
      for count in 0..<frame.count {
        #expect(throws: FrameError.self) { try RunnerRequest.decode(frame.prefix(count)) }
      }
      #expect(throws: FrameError.trailingBytes) { try RunnerRequest.decode(frame + [0]) }
    }
    for reply in Self.replies {
      let frame = reply.frame(number: 1).dropFirst(4)
      for count in 0..<frame.count {
        #expect(throws: FrameError.self) { try RunnerReply.decode(frame.prefix(count)) }
      }
    }
  }

  @Test func randomBytesNeverTrap() {
    var generator = SystemRandomNumberGenerator()
    for _ in 0..<20_000 {
      var bytes = (0..<Int.random(in: 0...60)).map { _ in UInt8.random(in: 0...255, using: &generator) }
      if !bytes.isEmpty, Bool.random() { bytes[0] = [1, 2, 3, 5, 6, 8, 64, 67, 68, 80, 81][Int.random(in: 0..<11)] }
      _ = try? RunnerRequest.decode(bytes[...])
      _ = try? RunnerReply.decode(bytes[...])
    }
    for original in Self.requests.map({ $0.frame(number: 1) }) + Self.replies.map({ $0.frame(number: 1) }) {
      for _ in 0..<500 {
        var bytes = Array(original.dropFirst(4))
        bytes[Int.random(in: 0..<bytes.count)] = UInt8.random(in: 0...255)
        _ = try? RunnerRequest.decode(bytes[...])
        _ = try? RunnerReply.decode(bytes[...])
      }
    }
  }

  @Test func aCountDoesNotReserveMemory() {
    // A list that claims four billion strings.
    var writer = ByteWriter()
    writer.number(UInt8(2))
    writer.number(UInt32(1))
    writer.text("p")
    writer.number(UInt8(0))
    writer.number(UInt8(0))
    writer.text("/")
    writer.number(UInt32.max)
    #expect(throws: FrameError.truncated) { try RunnerRequest.decode(writer.bytes[...]) }
  }

  @Test(arguments: ["", "A", "../x", "a/b", "a..b", ".a", "-a", "ä", String(repeating: "a", count: 65)])
  func badIdsAreRefused(_ id: String) {
    #expect(!ProcessName.isValid(id))
    let frame = RunnerRequest.closeInput(process: id).frame(number: 1).dropFirst(4)
    #expect(throws: FrameError.self) { try RunnerRequest.decode(frame) }
  }

  @Test func launchesAreChecked() {
    #expect(Self.launch.isValid)
    var launch = Self.launch
    launch.arguments = []
    #expect(!launch.isValid)
    launch = Self.launch
    launch.arguments[1] = [97, 0]
    #expect(!launch.isValid)
    launch = Self.launch
    launch.environment = [Array("NOVALUE".utf8)]
    #expect(!launch.isValid)
    launch = Self.launch
    launch.directory = []
    #expect(!launch.isValid)
  }

  @Test func framesAreCutWhereverTheBytesBreak() throws {
    let frames = Self.requests.map { $0.frame(number: 3) }
    for size in [1, 2, 3, 7, 64] {
      var buffer = FrameBuffer()
      var found: [RunnerRequest] = []
      var rest = frames.flatMap { $0 }[...]
      while !rest.isEmpty {
        buffer.append(rest.prefix(size))
        rest = rest.dropFirst(size)
        while let frame = try buffer.next() { found.append(try RunnerRequest.decode(frame).request) }
      }
      #expect(found == Self.requests)
    }
  }

  @Test func framesBeyondTheLimitAreRefused() throws {
    var buffer = FrameBuffer()
    buffer.append([0, 0x10, 0, 0])
    #expect(try buffer.next() == nil)
    buffer = FrameBuffer()
    buffer.append([0, 0x10, 0, 1])
    #expect(throws: FrameError.oversize) { try buffer.next() }
  }
}
