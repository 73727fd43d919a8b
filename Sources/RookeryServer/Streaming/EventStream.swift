import Foundation
import HTTPTypes
import Hummingbird
import Logging
import NIOCore
import RookeryModel
import RookerySessions
import ServiceLifecycle
import Synchronization

/// What turns a session's events into the bytes of one stream.
protocol EventStreamEncoder: Sendable {
  /// Sent before anything else.
  func opening() async throws -> ByteBuffer
  /// The frames for these events, which follow those of the last call; nil when there is nothing to say of them.
  mutating func frames(for events: [EncodedEvent]) async throws -> ByteBuffer?
  /// The frames for signals: they come after the events of the same batch; nil when they say nothing here.
  mutating func frames(for signals: [SessionSignal]) async throws -> ByteBuffer?
}

/// A Server-Sent Events answer that follows a session's log.
///
/// It pulls: the next events are asked for when the last ones are written, so a slow client costs what one batch and its socket's
/// buffers cost. A client that takes nothing for a minute is disconnected; the stream ends when the server shuts down.
struct EventStream<Encoder: EventStreamEncoder>: Sendable {
  let cursor: any EventCursor
  let encoder: Encoder
  let context: RookeryRequestContext
  /// Times that tests shorten.
  var pace = EventStreamPace()

  func response(_ extra: HTTPFields = [:]) -> Response {
    var headers: HTTPFields = [.contentType: "text/event-stream; charset=utf-8", .cacheControl: "no-store"]
    // Asks reverse proxies not to gather the stream.
    if let name = HTTPField.Name("X-Accel-Buffering") { headers[name] = "no" }
    headers.append(contentsOf: extra)
    let stream = self
    return Response(
      status: .ok, headers: headers,
      body: ResponseBody { writer in
        try await stream.run(&writer)
        try await writer.finish(nil)
      })
  }

  private enum Step: Sendable {
    case news(FeedNews, any EventCursor)
    case beat
    case ended
  }

  private func run(_ writer: inout any ResponseBodyWriter) async throws {
    // Unsent bytes wait in our log, not in the kernel.
    try? await context.channel.setOption(ChannelOptions.socketOption(.so_sndbuf), value: 128 << 10).get()
    let watch = WriteWatch(channel: context.channel, limit: pace.stall)
    var encoder = encoder
    try await withThrowingTaskGroup(of: Step.self) { group in
      group.addTask { try await Self.untilShutdown() }
      group.addTask {
        try await watch.run()
        return .ended
      }
      group.addTask { [pace] in try await Self.beat(pace) }
      group.addTask { [cursor] in try await Self.pull(cursor) }
      do {
        try await watch.writing(try await encoder.opening(), to: &writer)
        while let step = try await group.next() {
          switch step {
          case .news(let news, let cursor):
            if !news.events.isEmpty, let frames = try await encoder.frames(for: news.events) {
              try await watch.writing(frames, to: &writer)
            }
            if !news.signals.isEmpty, let frames = try await encoder.frames(for: news.signals) {
              try await watch.writing(frames, to: &writer)
            }
            group.addTask { [pace] in
              // Gathers what comes in quick succession.
              if pace.gather > .zero { try await Task.sleep(for: pace.gather) }
              return try await Self.pull(cursor)
            }
          case .beat:
            try await watch.writing(ByteBuffer(string: ": alive\n\n"), to: &writer)
            group.addTask { [pace] in try await Self.beat(pace) }
          case .ended:
            group.cancelAll()
            return
          }
        }
      } catch {
        group.cancelAll()
        try endQuietly(error)
      }
    }
  }

  /// A stream that can't go on ends; its client comes back with its cursor and learns why. Cancellation and a broken connection pass.
  private func endQuietly(_ error: any Error) throws {
    switch error {
    case let error as RookeryError:
      if error.code != .unavailable {
        context.logger.warning("stream ended", metadata: ["cause": "\(error.message)", "context": "\(error.context)"])
      }
    case is CancellationError: break
    default: throw error
    }
  }

  private static func pull(_ cursor: any EventCursor) async throws -> Step {
    var cursor = cursor
    let news = try await cursor.next()
    return .news(news, cursor)
  }

  private static func beat(_ pace: EventStreamPace) async throws -> Step {
    try await Task.sleep(for: pace.beat)
    return .beat
  }

  private static func untilShutdown() async throws -> Step {
    try await gracefulShutdown()
    return .ended
  }
}

/// The times of a stream.
struct EventStreamPace: Sendable {
  /// Between keep-alive comments.
  var beat = Duration.seconds(15)
  /// Without progress until the client is given up.
  var stall = Duration.seconds(60)
  /// From one batch to the next, at least.
  var gather = Duration.zero
}

/// Closes a connection that takes nothing for too long.
private final class WriteWatch: Sendable {
  private let channel: any Channel
  private let limit: Duration
  private let pending = Mutex<ContinuousClock.Instant?>(nil)

  init(channel: any Channel, limit: Duration) {
    self.channel = channel
    self.limit = limit
  }

  func writing(_ buffer: ByteBuffer, to writer: inout any ResponseBodyWriter) async throws {
    pending.withLock { $0 = .now }
    defer { pending.withLock { $0 = nil } }
    try await writer.write(buffer)
  }

  /// Runs until the connection stalls; a closed connection makes the pending write fail.
  func run() async throws {
    while true {
      try await Task.sleep(for: limit / 4)
      if let since = pending.withLock({ $0 }), since.duration(to: .now) > limit {
        channel.close(mode: .all, promise: nil)
        return
      }
    }
  }
}
