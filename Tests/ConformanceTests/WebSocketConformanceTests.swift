import Foundation
import RookeryTestSupport
import Testing

/// Our WebSocket against RFC 6455: what must work works, what must be refused is refused with the code that the standard names.
@Suite(.timeLimit(.minutes(2))) struct WebSocketConformanceTests {
  typealias Frame = WebSocketProbe.Frame
  private static let (text, binary, close, ping, pong): (UInt8, UInt8, UInt8, UInt8, UInt8) = (1, 2, 8, 9, 10)

  private static func frame(_ opcode: UInt8, _ payload: some Sequence<UInt8> = [], isLast: Bool = true) -> [UInt8] {
    WebSocketProbe.frame(opcode, payload, isLast: isLast)
  }

  private static func code(_ code: UInt16, _ reason: [UInt8] = []) -> [UInt8] { [UInt8(code >> 8), UInt8(code & 255)] + reason }

  private static func open(_ port: Int) throws -> (WebSocketProbe, WebSocketFrames) {
    let probe = try WebSocketProbe(port: port)
    let head = try probe.upgrade("/ws")
    #expect(head.status == 101)
    return (probe, WebSocketFrames(probe, rest: head.rest))
  }

  /// What a client sends, and what must come back.
  private struct Exchange: Sendable {
    var name: String
    var sent: [[UInt8]]
    var answers: [Frame]
  }

  /// What a client sends, and the code with which the server must end the connection.
  private struct Refusal: Sendable {
    var name: String
    var sent: [[UInt8]]
    var code: UInt16
  }

  private static var exchanges: [Exchange] {
    var all: [Exchange] = []
    for size in [0, 1, 125, 126, 127, 128, 65_535, 65_536, EchoServer.maximumMessage] {
      let stars = [UInt8](repeating: UInt8(ascii: "*"), count: size)
      let bytes = [UInt8](repeating: 0xFE, count: size)
      all.append(Exchange(name: "text of \(size)", sent: [frame(text, stars)], answers: [Frame(text, stars)]))
      all.append(Exchange(name: "binary of \(size)", sent: [frame(binary, bytes)], answers: [Frame(binary, bytes)]))
    }
    for size in [0, 1, 125] {
      let payload = [UInt8](repeating: UInt8(ascii: "p"), count: size)
      all.append(Exchange(name: "ping of \(size)", sent: [frame(ping, payload)], answers: [Frame(pong, payload)]))
    }
    all.append(
      Exchange(name: "a pong nobody asked for", sent: [frame(pong, [1]), frame(ping, [2])], answers: [Frame(pong, [2])]))
    let greek = Array("κόσμε".utf8)
    all += [
      Exchange(
        name: "fragments", sent: [frame(text, "a".utf8, isLast: false), frame(0, "b".utf8, isLast: false), frame(0, "c".utf8)],
        answers: [Frame(text, "abc".utf8)]),
      Exchange(
        name: "a ping between fragments", sent: [frame(text, "a".utf8, isLast: false), frame(ping, "!".utf8), frame(0, "b".utf8)],
        answers: [Frame(pong, "!".utf8), Frame(text, "ab".utf8)]),
      Exchange(
        name: "empty fragments", sent: [frame(text, isLast: false), frame(0, isLast: false), frame(0)], answers: [Frame(text)]),
      Exchange(
        name: "UTF-8", sent: [frame(text, "Grüße, κόσμε – 🦅".utf8)], answers: [Frame(text, "Grüße, κόσμε – 🦅".utf8)]),
      Exchange(
        name: "a character over two fragments", sent: [frame(text, greek.prefix(3), isLast: false), frame(0, greek.dropFirst(3))],
        answers: [Frame(text, greek)]),
      Exchange(name: "a close without a code", sent: [frame(close)], answers: [Frame(close)]),
      Exchange(name: "a close with a reason", sent: [frame(close, code(1000, Array("bye".utf8)))], answers: [Frame(close, code(1000))]),
    ]
    for good in [1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 3000, 3999, 4000, 4999] as [UInt16] {
      all.append(Exchange(name: "close \(good)", sent: [frame(close, code(good))], answers: [Frame(close, code(good))]))
    }
    return all
  }

  private static var refusals: [Refusal] {
    var all = [Refusal(name: "a ping of 126", sent: [frame(ping, [UInt8](repeating: 1, count: 126))], code: 1002)]
    for reserved in [1, 2, 4] as [UInt8] {
      all.append(Refusal(name: "reserved bit \(reserved)", sent: [WebSocketProbe.frame(text, [65], reserved: reserved)], code: 1002))
    }
    for opcode in [3, 4, 5, 6, 7, 11, 12, 13, 14, 15] as [UInt8] {
      all.append(Refusal(name: "opcode \(opcode)", sent: [frame(opcode, [65])], code: 1002))
    }
    all += [
      Refusal(name: "no mask", sent: [WebSocketProbe.frame(text, [65], isMasked: false)], code: 1002),
      Refusal(name: "a ping in fragments", sent: [frame(ping, [65], isLast: false)], code: 1002),
      Refusal(name: "a continuation of nothing", sent: [frame(0, [65])], code: 1002),
      Refusal(name: "a continuation of nothing that goes on", sent: [frame(0, [65], isLast: false)], code: 1002),
      Refusal(name: "a message in a message", sent: [frame(text, [65], isLast: false), frame(text, [66])], code: 1002),
      Refusal(
        name: "a continuation after the end", sent: [frame(text, [65], isLast: false), frame(0, [66]), frame(0, [67])], code: 1002),
      Refusal(name: "a close of one byte", sent: [frame(close, [65])], code: 1002),
      Refusal(name: "a close of 126", sent: [frame(close, code(1000, [UInt8](repeating: 65, count: 124)))], code: 1002),
      Refusal(name: "a reason that is no UTF-8", sent: [frame(close, code(1000, [0xFF, 0xFF]))], code: 1007),
      Refusal(name: "data after the close", sent: [frame(close, code(1000)), frame(text, [65])], code: 1000),
      Refusal(
        name: "too much", sent: [frame(binary, [UInt8](repeating: 0, count: EchoServer.maximumMessage + 1))], code: 1009),
      Refusal(
        name: "too much in fragments",
        sent: (0..<3).map { frame($0 == 0 ? binary : 0, [UInt8](repeating: 0, count: EchoServer.maximumMessage / 2), isLast: false) },
        code: 1009),
    ]
    let broken: [[UInt8]] = [
      [0xCE, 0xBA, 0xED, 0xA0, 0x80, 0x65], [0xFF], [0xC0, 0xAF], [0xF4, 0x90, 0x80, 0x80], [0xCE],
    ]
    for bytes in broken { all.append(Refusal(name: "text \(bytes)", sent: [frame(text, bytes)], code: 1007)) }
    for bad in [0, 999, 1004, 1005, 1006, 1016, 1100, 2000, 2999, 5000] as [UInt16] {
      all.append(Refusal(name: "close \(bad)", sent: [frame(close, code(bad))], code: 1002))
    }
    return all
  }

  @Test func whatMustWorkWorks() async throws {
    try await EchoServer.run { port in
      try await onThread {
        for exchange in Self.exchanges {
          var (probe, frames) = try Self.open(port)
          for bytes in exchange.sent { probe.send(bytes) }
          for answer in exchange.answers {
            do {
              let frame = try frames.next()
              #expect(frame == answer, "\(exchange.name): got opcode \(frame.opcode), \(frame.payload.count) bytes")
            } catch {
              Issue.record("\(exchange.name): \(error)")
            }
          }
          _ = probe
        }
      }
    }
  }

  @Test func whatMustBeRefusedIsRefused() async throws {
    try await EchoServer.run { port in
      try await onThread {
        for refusal in Self.refusals {
          var (probe, frames) = try Self.open(port)
          for bytes in refusal.sent { probe.send(bytes) }
          do {
            let code = try frames.closeCode()
            #expect(code == refusal.code, "\(refusal.name)")
            let isOver = frames.isOver()
            #expect(isOver, "\(refusal.name): the connection stays open")
          } catch {
            Issue.record("\(refusal.name): \(error)")
          }
          _ = probe
        }
      }
    }
  }

  @Test func theHandshakeIsTheStandards() async throws {
    try await EchoServer.run { port in
      try await onThread {
        let head = try WebSocketProbe(port: port).upgrade("/ws")
        #expect(head.status == 101)
        #expect(head.header("Sec-WebSocket-Accept") == WebSocketProbe.exampleAccept)
        #expect(head.header("Transfer-Encoding") == nil)
        #expect(head.header("Content-Length") == nil)
        let answer1 = try WebSocketProbe(port: port).upgrade("/nowhere").status
        #expect(answer1 == 404)
        let answer2 = try WebSocketProbe(port: port).upgrade("/ws", key: "short").status
        #expect(answer2 == 400)
        let answer3 = try WebSocketProbe(port: port).upgrade("/ws", version: "8").status
        #expect(answer3 >= 400)
        let answer4 = try WebSocketProbe(port: port).upgrade("/ws", headers: ["Content-Length: 0"], method: "POST").status
        #expect(answer4 != 101)
      }
    }
  }

  @Test func anyRequestOfAConnectionMayUpgrade() async throws {
    try await EchoServer.run { port in
      try await onThread {
        let probe = try WebSocketProbe(port: port)
        let first = try probe.ask("GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n")
        #expect(first.status == 200)
        if first.rest.isEmpty { _ = try probe.receive() }
        let head = try probe.upgrade("/ws")
        #expect(head.status == 101)
        probe.send(Self.frame(Self.text, "reused".utf8))
        var frames = WebSocketFrames(probe, rest: head.rest)
        let frame = try frames.next()
        #expect(frame == Frame(Self.text, "reused".utf8))
      }
    }
  }

  @Test func aRefusedUpgradeEndsTheConnection() async throws {
    try await EchoServer.run { port in
      try await onThread {
        let probe = try WebSocketProbe(port: port)
        let head = try probe.upgrade("/private")
        #expect(head.status == 401)
        #expect(head.header("Connection")?.lowercased() == "close")
        var frames = WebSocketFrames(probe, rest: [])
        let isOver = frames.isOver()
        #expect(isOver || !head.rest.isEmpty)
      }
    }
  }

  @Test func bytesMayComeOneByOne() async throws {
    try await EchoServer.run { port in
      try await onThread {
        var (probe, frames) = try Self.open(port)
        for byte in Self.frame(Self.text, "slow".utf8) {
          probe.send([byte])
          usleep(1000)
        }
        let frame = try frames.next()
        #expect(frame == Frame(Self.text, "slow".utf8))
        _ = probe
      }
    }
  }
}
