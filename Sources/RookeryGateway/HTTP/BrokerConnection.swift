import Logging
import NIOCore
import NIOHTTP1
import RookeryModel

/// One connection of a sandbox to a broker: request after request, each answered before the next is read.
struct BrokerConnection: Sendable {
  typealias Inbound = NIOAsyncChannelInboundStream<HTTPServerRequestPart>
  typealias Outbound = NIOAsyncChannelOutboundWriter<HTTPServerResponsePart>

  let sandbox: SandboxID
  let responder: any BrokerResponder
  let bounds: GatewayBounds
  let logger: Logger
  var rules = RequestGate.Rules.broker
  /// The name of a handler in front that holds back what was received, until somebody reads it.
  var heldBack: String?

  /// The pipeline of an accepted connection, which reads nothing before `serve`.
  static func configure(_ channel: any Channel, bounds: GatewayBounds) throws {
    var limits = NIOHTTPDecoderLimitConfiguration()
    limits.maxHeaderFieldSize = 16 << 10
    limits.maxHeaderListSize = 64 << 10
    limits.maxHeaderFieldCount = 100
    try channel.pipeline.syncOperations.configureHTTPServerPipeline(
      withPipeliningAssistance: false, withErrorHandling: false, withOutboundHeaderValidation: true,
      withEncoderConfiguration: .init(), withDecoderLimitConfiguration: limits)
    try channel.pipeline.syncOperations.addHandler(ConnectionGuard(bounds: bounds))
  }

  /// Serves until either side ends the connection or the task is cancelled.
  func serve(_ channel: any Channel) async {
    let line = Line(channel: channel)
    do {
      try await wrap(channel).executeThenClose { inbound, outbound in
        if let heldBack { channel.pipeline.removeHandler(name: heldBack, promise: nil) }
        channel.setOption(.autoRead, value: true).whenFailure { _ in line.cut() }
        var iterator = inbound.makeAsyncIterator()
        while let part = try await nextPart(&iterator, outbound, line) {
          guard case .head(let head) = part else { continue }
          guard try await answer(head, &iterator, outbound, line) else { break }
        }
        outbound.finish()
        await linger(&iterator, line)
      }
    } catch {
      line.cut()
      logger.debug("A connection of a sandbox broke.", metadata: ["sandbox": "\(sandbox)", "error": "\(error)"])
    }
  }

  /// Done here and not when the connection is accepted: a `NIOAsyncChannel` that nobody executes ends the process, and one that
  /// cannot be added to a closed channel is such.
  private func wrap(_ channel: any Channel) async throws -> NIOAsyncChannel<HTTPServerRequestPart, HTTPServerResponsePart> {
    try await channel.eventLoop.submit {
      guard channel.isActive else { throw ChannelError.ioOnClosedChannel }
      // Finishing the writer ends our side after what is still being written, instead of cutting it off.
      return try NIOAsyncChannel(wrappingChannelSynchronously: channel, configuration: .init(isOutboundHalfClosureEnabled: true))
    }.get()
  }

  /// The connection itself: whether it is closed, and the means to cut it.
  private struct Line: Sendable {
    let channel: any Channel
    let closed = ChangeSignal()

    init(channel: any Channel) {
      self.channel = channel
      channel.closeFuture.whenComplete { [closed] _ in closed.notify() }
    }

    func cut() { channel.close(promise: nil) }
  }

  /// The next part; nil at the end, and after a malformed request, which is told so.
  private func nextPart(
    _ iterator: inout Inbound.AsyncIterator, _ outbound: Outbound, _ line: Line
  ) async throws -> HTTPServerRequestPart? {
    do {
      return try await iterator.next()
    } catch is HTTPParserError {
      try await AnswerWriter(outbound: outbound, loop: line.channel.eventLoop, closes: true).send(
        .text(.badRequest, "The request is malformed."))
      return nil
    }
  }

  /// Reads and drops what the peer still sends until it has taken the last answer and closes: closing first would lose that.
  private func linger(_ iterator: inout Inbound.AsyncIterator, _ line: Line) async {
    await withTaskGroup(of: Void.self) { group in
      group.addTask {
        await line.closed.wait(past: 0, upTo: bounds.linger)
        line.cut()
      }
      while (try? await iterator.next()) != nil {}
      await group.waitForAll()
    }
  }

  /// Returns whether the connection may serve another request.
  private func answer(
    _ head: HTTPRequestHead, _ iterator: inout Inbound.AsyncIterator, _ outbound: Outbound, _ line: Line
  ) async throws -> Bool {
    let body = BodyRelay()
    let request: BrokerRequest
    do {
      request = try RequestGate.check(head, sandbox: sandbox, body: body, rules: rules)
    } catch {
      logger.info("Refused a request.", metadata: ["sandbox": "\(sandbox)", "reason": "\(error.text)"])
      try await AnswerWriter(outbound: outbound, loop: line.channel.eventLoop, closes: true).send(.text(error.status, error.text))
      return false
    }
    let writer = AnswerWriter(outbound: outbound, loop: line.channel.eventLoop, closes: !head.isKeepAlive)
    if head.headers.contains(name: "expect") { try await writer.proceed() }
    return try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask {
        do { try await respond(to: request, writer: writer) } catch {
          // Half an answer must not look like a whole one.
          line.cut()
          throw error
        }
      }
      group.addTask {
        await line.closed.wait(past: 0, upTo: bounds.exchange)
        try Task.checkCancellation()
        line.cut()
        throw ChannelError.ioOnClosedChannel
      }
      defer { group.cancelAll() }
      let isWhole = try await receiveBody(&iterator, into: body)
      try await group.next()
      return isWhole && !writer.closesConnection
    }
  }

  /// Passes the body on until its end. Returns false when the connection ended before it.
  private func receiveBody(_ iterator: inout Inbound.AsyncIterator, into body: BodyRelay) async throws -> Bool {
    var isWanted = true
    var dropped = 0
    do {
      while let part = try await iterator.next() {
        switch part {
        case .head: break
        case .body(let bytes):
          if isWanted {
            do { try await body.send(bytes) } catch is BodyRelay.Abandoned { isWanted = false }
          } else {
            dropped += bytes.readableBytes
            guard dropped <= bounds.droppedBody else { throw RookeryError(.tooLarge, "A body that nobody wants.") }
          }
        case .end:
          body.finish()
          return true
        }
      }
    } catch {
      body.fail(error)
      throw error
    }
    body.fail(ChannelError.inputClosed)
    return false
  }

  private func respond(to request: BrokerRequest, writer: AnswerWriter) async throws {
    defer { request.body.abandon() }
    do {
      try await responder.respond(to: request, writer: writer)
    } catch {
      try Task.checkCancellation()
      guard !writer.hasBegun else { throw error }
      let known = error as? RookeryError ?? RookeryError(.internal, "An internal error of the gateway.", context: "\(error)")
      logger.notice(
        "A broker refused.", metadata: ["sandbox": "\(request.sandbox)", "reason": "\(known.message)", "context": "\(known.context)"])
      try await writer.send(responder.failure(known, for: request))
    }
  }
}
