import NIOCore
import NIOHTTP1
import Synchronization

/// Writes one answer. Whether the connection may serve another request is decided when its head goes out.
final class AnswerWriter: Sendable {
  private enum State { case waiting, begun, ended }

  private let outbound: NIOAsyncChannelOutboundWriter<HTTPServerResponsePart>
  private let pace: WritePace
  private let closes: Mutex<Bool>
  private let state = Mutex(State.waiting)

  /// - Parameters:
  ///   - loop: The event loop of the connection.
  ///   - closes: Whether the connection ends after this answer anyhow.
  init(outbound: NIOAsyncChannelOutboundWriter<HTTPServerResponsePart>, loop: any EventLoop, closes: Bool) {
    self.outbound = outbound
    pace = WritePace(loops: [loop])
    self.closes = Mutex(closes)
  }

  /// Whether a head went out.
  var hasBegun: Bool { state.withLock { $0 != .waiting } }
  /// Whether the answer is complete.
  var hasEnded: Bool { state.withLock { $0 == .ended } }
  /// Whether the connection ends after this answer.
  var closesConnection: Bool { closes.withLock { $0 } }

  /// Ends the connection after this answer, whose head has not gone out yet.
  func closeAfterwards() { closes.withLock { $0 = true } }

  /// Tells a client that waits for it to send its body.
  func proceed() async throws {
    try await outbound.write(.head(HTTPResponseHead(version: .http1_1, status: .continue)))
  }

  /// Without a `content-length` among `headers` the body goes out in chunks.
  func begin(_ status: HTTPResponseStatus, _ headers: HTTPHeaders) async throws {
    state.withLock { $0 = .begun }
    var headers = headers
    if closesConnection { headers.replaceOrAdd(name: "connection", value: "close") }
    try await outbound.write(.head(HTTPResponseHead(version: .http1_1, status: status, headers: headers)))
  }

  func write(_ part: ByteBuffer) async throws {
    guard part.readableBytes > 0 else { return }
    try await outbound.write(.body(.byteBuffer(part)))
    try await pace.wrote(part.readableBytes)
  }

  func end() async throws {
    try await outbound.write(.end(nil))
    state.withLock { $0 = .ended }
  }

  func send(_ answer: BrokerAnswer) async throws {
    var headers = HTTPHeaders([("content-type", answer.type), ("content-length", String(answer.body.count)), ("cache-control", "no-cache")])
    for (name, value) in answer.headers.sorted(by: { $0.key < $1.key }) { headers.replaceOrAdd(name: name, value: value) }
    try await begin(answer.status, headers)
    try await write(ByteBuffer(bytes: answer.body))
    try await end()
  }
}
