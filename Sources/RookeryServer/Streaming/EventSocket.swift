import NIOCore
import RookeryModel
import RookerySessions
import RookeryWebSocket

/// One client's WebSocket. It belongs to its connection's event loop.
///
/// It is *live* when the group writes news to it as they come, and *refilling* when it reads the log from its cursor at the pace at
/// which the client takes it: at the beginning, and again when its queue reached its bound.
final class EventSocket {
  /// Bytes that may wait in a connection's queue before it is taken to be lagging; one page more may be on its way.
  static let queueLimit = 512 << 10
  /// Of the kernel's buffer: what is unsent waits in our log, not there.
  static let kernelBuffer: SocketOptionValue = 128 << 10

  private let port: WebSocketPort
  private let group: SocketGroup
  private let pace: EventStreamPace
  /// Everything up to this event was written to the client.
  private(set) var cursor: Int64
  private var isLive = false
  private var waiting: EventLoopPromise<Void>?
  private var beat: Scheduled<Void>?
  /// How many bytes were queued when last looked at, and since when they did not become fewer.
  private var stuck: (bytes: Int, since: NIODeadline)?
  private let refill: (_ after: Int64) -> Void

  /// `refill` begins to read the log for this socket.
  init(port: WebSocketPort, group: SocketGroup, after: Int64, pace: EventStreamPace, refill: @escaping (_ after: Int64) -> Void) {
    self.port = port
    self.group = group
    self.pace = pace
    self.refill = refill
    cursor = after
    port.onChange = { [weak self] in self?.changed() }
    group.add(self)
    scheduleBeat()
  }

  // MARK: Live

  func send(_ batch: SocketBatch) {
    guard port.isWritable, batch.bytes.readableBytes <= Self.queueLimit else { return lag() }
    port.write(batch.bytes(after: cursor))
    cursor = max(cursor, batch.last ?? cursor)
  }

  /// Nothing more is queued for the client; what it lacks is read from the log when it takes something again.
  private func lag() {
    guard isLive, port.isOpen else { return }
    isLive = false
    group.retire(self)
    refill(cursor)
  }

  // MARK: Refilling

  /// Writes a page of the log, and waits until the client has room again.
  func write(_ news: FeedNews) -> EventLoopFuture<Void> {
    let batch = SocketBatch([news])
    port.write(batch.bytes(after: cursor))
    cursor = max(cursor, batch.last ?? cursor)
    return room()
  }

  /// Becomes live when it has everything that was told to the others; false when there is more to read. True where it is over.
  func settle() -> Bool {
    guard port.isOpen else { return true }
    isLive = group.goLive(self)
    return isLive
  }

  /// Tells the client something about its own connection.
  func write(_ signal: SessionSignal) {
    var frame = ByteBuffer()
    WebSocketFraming.appendText(signal.json, to: &frame)
    port.write(frame)
  }

  /// Fulfilled when the client has room, failed when the connection is over.
  func room() -> EventLoopFuture<Void> {
    guard port.isOpen else { return group.loop.makeFailedFuture(ChannelError.ioOnClosedChannel) }
    guard !port.isWritable else { return group.loop.makeSucceededVoidFuture() }
    if let waiting { return waiting.futureResult }
    let promise = group.loop.makePromise(of: Void.self)
    waiting = promise
    return promise.futureResult
  }

  private func changed() {
    guard port.isOpen else {
      waiting?.fail(ChannelError.ioOnClosedChannel)
      waiting = nil
      return
    }
    guard port.isWritable else { return }
    waiting?.succeed()
    waiting = nil
  }

  // MARK: The end

  func close(_ code: WebSocketCloseCode) {
    port.close(code)
    changed()
  }

  /// The connection is over.
  func end() {
    beat?.cancel()
    isLive = false
    port.onChange = nil
    changed()
    waiting?.fail(ChannelError.ioOnClosedChannel)
    waiting = nil
    group.remove(self)
  }

  // MARK: Signs of life

  private func scheduleBeat() {
    let nanoseconds = pace.beat.components.seconds * 1_000_000_000 + pace.beat.components.attoseconds / 1_000_000_000
    let bound = NIOLoopBound(self, eventLoop: group.loop)
    beat = group.loop.scheduleTask(in: .nanoseconds(nanoseconds)) { bound.value.check() }
  }

  /// Asks for a sign of life; ends a connection that gives none, or takes nothing, for too long.
  private func check() {
    guard port.isOpen else { return }
    let now = NIODeadline.now()
    let (seconds, attoseconds) = pace.stall.components
    let patience = TimeAmount.nanoseconds(seconds * 1_000_000_000 + attoseconds / 1_000_000_000)
    let queued = port.queued
    if queued == 0 || queued < stuck?.bytes ?? .max { stuck = queued == 0 ? nil : (queued, now) }
    let takesNothing = stuck.map { now - $0.since > patience } ?? false
    if takesNothing || now - port.lastHeard > patience + .seconds(15) { return port.abort() }
    if port.isWritable { port.ping() }
    scheduleBeat()
  }
}
