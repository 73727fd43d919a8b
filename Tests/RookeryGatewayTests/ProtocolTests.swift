import Foundation
import NIOCore
import NIOHTTP1
import RookeryModel
import Testing

@testable import RookeryGateway

@Suite struct PushCommandTests {
  static let zero = String(repeating: "0", count: 40)
  static let old = String(repeating: "a", count: 40)
  static let new = String(repeating: "b", count: 40)

  /// Feeds `bytes` in pieces of `size`.
  private func read(_ bytes: [UInt8], size: Int = .max, limit: Int = 1 << 20) throws -> PushCommands? {
    var reader = PushCommandReader(limit: limit)
    var rest = bytes[...]
    while !rest.isEmpty {
      if let push = try reader.feed(Array(rest.prefix(size))) { return push }
      rest = rest.dropFirst(size)
    }
    return nil
  }

  @Test(arguments: [1, 3, 64, 10_000]) func readsCommandsInPieces(size: Int) throws {
    let lines =
      PktLine.line("shallow \(Self.old)\n")
      + PktLine.line("\(Self.zero) \(Self.new) refs/heads/x\0 report-status side-band-64k agent=git/2.39\n")
      + PktLine.line("\(Self.old) \(Self.new) refs/heads/y z") + PktLine.line("\(Self.old) \(Self.zero) refs/tags/t\n")
    let push = try #require(try read(lines + PktLine.flush + Array("PACK….".utf8), size: size))
    #expect(push.commands.map(\.refText) == ["refs/heads/x", "refs/heads/y z", "refs/tags/t"])
    #expect(push.commands.map(\.isDelete) == [false, false, true])
    #expect(push.capabilities == ["report-status", "side-band-64k", "agent=git/2.39"])
    #expect(try read(lines) == nil)
    #expect(try read(Array("0000".utf8))?.commands.isEmpty == true)
  }

  @Test(arguments: [
    "\(zero) \(new) ", "\(zero) \(new)", "\(zero)  \(new) refs/heads/x", "\(old.dropLast()) \(new) refs/heads/x",
    "\(old)c \(new) refs/heads/x",
    "\(old) \(new.uppercased()) refs/heads/x", "\(old) \(String(repeating: "b", count: 64)) refs/heads/x", "x", "shallow x",
    "unshallow \(old)",
    "\(old) \(new) refs/heads/x\0caps\0more",
  ])
  func malformedLines(line: String) throws {
    #expect(throws: PushCommands.Failure.self) { try read(PktLine.line(line) + PktLine.flush) }
  }

  @Test func capabilitiesBehindALaterCommandAreRefused() throws {
    let lines = PktLine.line("\(Self.zero) \(Self.new) refs/heads/x\0 report-status")
    #expect(throws: PushCommands.Failure.self) {
      try read(lines + PktLine.line("\(Self.zero) \(Self.new) refs/heads/x\0 push-options") + PktLine.flush)
    }
  }

  @Test(arguments: ["0001", "0002", "0003", "0004", "000g", "-001", "fff1", "ffff"])
  func specialLengths(digits: String) throws {
    #expect(throws: PushCommands.Failure.self) { try read(Array(digits.utf8) + PktLine.flush) }
  }

  @Test func theListIsBounded() throws {
    let line = PktLine.line("\(Self.zero) \(Self.new) refs/heads/x")
    let many = Array(repeating: line, count: 100).flatMap { $0 }
    #expect(throws: PushCommands.Failure.tooLong) { try read(many + PktLine.flush, limit: 1000) }
    #expect(try read(many + PktLine.flush, limit: many.count)?.commands.count == 100)
  }

  @Test func thePolicyNamesEveryRef() throws {
    let policy = PushPolicy(ref: "refs/heads/rookery/s1")
    func refusals(_ lines: [String], _ capabilities: String = "report-status") throws -> [PushRefusal]? {
      let text = lines.enumerated().flatMap { PktLine.line($0.offset == 0 ? "\($0.element)\0 \(capabilities)" : $0.element) }
      return policy.refusals(of: try #require(try read(text + PktLine.flush)))
    }
    let good = "\(Self.zero) \(Self.new) refs/heads/rookery/s1"
    #expect(try refusals([good]) == nil)
    #expect(try refusals(["\(Self.old) \(Self.new) refs/heads/rookery/s1"]) == nil)
    #expect(
      try refusals([good, "\(Self.zero) \(Self.new) refs/heads/main"])?.map(\.reason) == [
        "refused together with the rest of the push", "only rookery/s1 may be pushed",
      ])
    #expect(try refusals(["\(Self.old) \(Self.zero) refs/heads/rookery/s1"])?.map(\.reason) == ["rookery/s1 may not be deleted"])
    #expect(try refusals([good], "report-status push-options")?.map(\.reason) == ["push options are not taken"])
    for ref in [
      "refs/heads/rookery/s1\n", "refs/heads/rookery/s1 ", " refs/heads/rookery/s1", "refs/heads/rookery/s1/x", "refs/heads/rookery",
    ] {
      #expect(try refusals(["\(Self.zero) \(Self.new) \(ref)"])?.count == 1, "\(ref.debugDescription)")
    }
  }

  @Test func aCertificateIsRefused() throws {
    let lines = PktLine.line("push-cert\0 report-status\n") + PktLine.line("certificate version 0.1\n") + PktLine.line("push-cert-end\n")
    let push = try #require(try read(lines + PktLine.flush))
    #expect(PushPolicy(ref: "refs/heads/x").refusals(of: push) != nil)
  }

  @Test func refusalsAreGitsOwnWords() throws {
    let refusal = PushRefusal(ref: Array("refs/heads/main".utf8), reason: "no")
    let plain = GitAnswer.refusal([refusal], capabilities: ["report-status"])
    #expect(String(decoding: plain.body, as: UTF8.self) == "000eunpack ok\n001ang refs/heads/main no\n0000")
    let banded = GitAnswer.refusal([refusal], capabilities: ["report-status", "side-band-64k"])
    #expect(String(decoding: banded.body, as: UTF8.self) == "0031\u{1}000eunpack ok\n001ang refs/heads/main no\n00000000")
    #expect(GitAnswer.refusal([refusal], capabilities: []).status == .forbidden)
    // Many of them take more than one line of the band.
    let many = GitAnswer.refusal(Array(repeating: refusal, count: 5000), capabilities: ["report-status", "side-band-64k"])
    #expect(many.body.count > PktLine.limit)
    var rest = many.body[...]
    while let length = PktLine.length(rest.prefix(4)), length > 0 {
      #expect(length <= PktLine.limit)
      rest = rest.dropFirst(length)
    }
    #expect(Array(rest) == PktLine.flush)
  }
}

@Suite struct UsageMeterTests {
  private func usage(_ type: String, _ pieces: [String], requestBytes: Int = 40) -> Usage {
    var meter = UsageMeter(contentType: type, requestBytes: requestBytes)
    pieces.forEach { meter.feed(ByteBuffer(string: $0)) }
    return meter.finish()
  }

  @Test(arguments: [1, 5, 1000]) func streamsInAnyPieces(size: Int) {
    let text =
      "event: x\ndata: {\"usage\":null}\n\n: comment\r\ndata:{\"choices\":[],\"usage\":{\"prompt_tokens\":3,\"completion_tokens\":2}}\r\n\r\ndata: [DONE]\n\n"
    let pieces = stride(from: 0, to: text.utf8.count, by: size).map { start in
      String(decoding: Array(text.utf8)[start..<min(start + size, text.utf8.count)], as: UTF8.self)
    }
    #expect(usage("text/event-stream; charset=utf-8", pieces) == Usage(inputTokens: 3, outputTokens: 2, requests: 1))
  }

  @Test func nonsenseIsEstimated() {
    #expect(usage("application/json", ["{"]) == Usage(inputTokens: 10, outputTokens: 0, requests: 1))
    #expect(usage("text/html", ["<html>"]) == Usage(inputTokens: 10, outputTokens: 0, requests: 1))
    let hostile = #"{"usage":{"prompt_tokens":-5,"completion_tokens":99999999999999}}"#
    #expect(usage("application/json", [hostile]) == Usage(inputTokens: 10, outputTokens: 0, requests: 1))
    #expect(usage("text/event-stream", ["data: \(String(repeating: "x", count: 100))\n", "data: {}\n"]).outputTokens == 0)
  }

  @Test func longLinesAreSkipped() {
    let long = "data: {\"x\":\"" + String(repeating: "y", count: 9 << 20)
    let rest = "\"}\ndata: {\"usage\":{\"input_tokens\":1,\"output_tokens\":2}}\n"
    #expect(usage("text/event-stream", [long, long, rest]) == Usage(inputTokens: 1, outputTokens: 2, requests: 1))
  }
}

@Suite struct BodyRelayTests {
  @Test func keepsOrderAndBounds() async throws {
    let relay = BodyRelay(limit: 100)
    try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask {
        for number in 0..<1000 { try await relay.send(ByteBuffer(integer: UInt32(number))) }
        relay.finish()
      }
      var expected: UInt32 = 0
      for try await var part in relay {
        #expect(part.readInteger(as: UInt32.self) == expected)
        expected += 1
      }
      #expect(expected == 1000)
      try await group.waitForAll()
    }
  }

  @Test func endsOnEitherSide() async throws {
    let abandoned = BodyRelay(limit: 1)
    async let sending: Void = abandoned.send(ByteBuffer(string: "xx"))
    abandoned.abandon()
    _ = try? await sending
    await #expect(throws: BodyRelay.Abandoned.self) { try await abandoned.send(ByteBuffer(string: "x")) }
    let failed = BodyRelay()
    try await failed.send(ByteBuffer(string: "x"))
    failed.fail(CancellationError())
    failed.finish()
    #expect(try await failed.next() == ByteBuffer(string: "x"))
    await #expect(throws: CancellationError.self) { try await failed.next() }
    #expect(failed.isTouched && !abandoned.isTouched)
  }

  @Test func cancellationWakesBothSides() async throws {
    let relay = BodyRelay(limit: 1)
    let consumer = Task { try await BodyRelay().next() }
    let producer = Task {
      try await relay.send(ByteBuffer(string: "xx"))
      try await relay.send(ByteBuffer(string: "xx"))
    }
    consumer.cancel()
    producer.cancel()
    await #expect(throws: CancellationError.self) { try await consumer.value }
    await #expect(throws: CancellationError.self) { try await producer.value }
  }
}
