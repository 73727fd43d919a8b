import NIOCore
import NIOHTTP1
import Synchronization

/// Connections that nobody serves: not yet, or because there are too many.
final class AcceptedConnections: Sendable {
  private struct State {
    var channels: [ObjectIdentifier: any Channel] = [:]
    var refused = 0
    var isClosed = false
  }

  private let limit: Int
  private let state = Mutex(State())

  /// - Parameter limit: How many are told that they are too many; more are closed without a word.
  init(limit: Int) { self.limit = limit }

  /// Accepted, and waiting to be served.
  func add(_ channel: any Channel) {
    let isClosed = state.withLock { state in
      if !state.isClosed { state.channels[ObjectIdentifier(channel)] = channel }
      return state.isClosed
    }
    if isClosed { channel.close(promise: nil) }
  }

  /// Somebody serves it from now on.
  func remove(_ channel: any Channel) { state.withLock { state in _ = state.channels.removeValue(forKey: ObjectIdentifier(channel)) } }

  /// Tells a connection too many that it is one, and closes it.
  func refuse(_ channel: any Channel) {
    let isTold = state.withLock { state in
      guard state.refused < limit else { return false }
      state.refused += 1
      return true
    }
    guard isTold else { return channel.close(promise: nil) }
    let text = ByteBuffer(string: "This sandbox has too many connections open. Close some and try again.\n")
    let headers = HTTPHeaders([
      ("content-type", "text/plain; charset=utf-8"), ("content-length", String(text.readableBytes)), ("connection", "close"),
    ])
    channel.write(HTTPServerResponsePart.head(.init(version: .http1_1, status: .serviceUnavailable, headers: headers)), promise: nil)
    channel.write(HTTPServerResponsePart.body(.byteBuffer(text)), promise: nil)
    channel.writeAndFlush(HTTPServerResponsePart.end(nil), promise: nil)
    // Closed at once it would be reset, and the text lost.
    channel.eventLoop.scheduleTask(in: .seconds(1)) { [self] in
      channel.close(promise: nil)
      state.withLock { $0.refused -= 1 }
    }
  }

  /// Closes all that wait, and those that come later.
  func close() {
    let channels = state.withLock { state in
      state.isClosed = true
      defer { state.channels = [:] }
      return Array(state.channels.values)
    }
    channels.forEach { $0.close(promise: nil) }
  }
}
