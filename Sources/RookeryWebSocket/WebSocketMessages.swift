import NIOCore
import NIOWebSocket

/// What a server sends: messages, and signs of life.
package enum WebSocketMessage: Sendable, Equatable {
  case text(String)
  case binary([UInt8])
  /// Answered already.
  case ping
  case pong
}

/// The messages of a connection, for one reader. It ends when the server closes.
package struct WebSocketMessages: AsyncSequence, Sendable {
  package typealias Element = WebSocketMessage
  let inbound: NIOAsyncChannelInboundStream<WebSocketFrame>
  let writer: WebSocketWriter

  package struct AsyncIterator: AsyncIteratorProtocol {
    fileprivate var frames: NIOAsyncChannelInboundStream<WebSocketFrame>.AsyncIterator
    fileprivate let writer: WebSocketWriter

    package mutating func next() async throws -> WebSocketMessage? {
      while let frame = try await frames.next() {
        let data = frame.unmaskedData
        switch frame.opcode {
        case .text:
          guard let text = String(validating: data.readableBytesView, as: UTF8.self) else {
            try await writer.close(WebSocketErrorCode.dataInconsistentWithMessage)
            return nil
          }
          return .text(text)
        case .binary: return .binary(Array(data.readableBytesView))
        case .ping:
          try await writer.pong(data)
          return .ping
        case .pong: return .pong
        case .connectionClose:
          // The close handshake needs an answer; that the server has gone already is no failure.
          try? await writer.close(.normalClosure)
          return nil
        default: break
        }
      }
      return nil
    }
  }

  package func makeAsyncIterator() -> AsyncIterator { AsyncIterator(frames: inbound.makeAsyncIterator(), writer: writer) }
}

/// Sends on a connection; any task may. Every frame is masked, as clients must.
package struct WebSocketWriter: Sendable {
  let outbound: NIOAsyncChannelOutboundWriter<WebSocketFrame>

  package func text(_ text: String) async throws { try await send(.text, ByteBuffer(string: text)) }
  package func ping() async throws { try await send(.ping, ByteBuffer()) }

  func pong(_ data: ByteBuffer) async throws { try await send(.pong, data) }

  /// Begins the close handshake.
  package func close() async throws { try await close(.normalClosure) }

  func close(_ code: WebSocketErrorCode) async throws {
    var data = ByteBuffer()
    data.write(webSocketErrorCode: code)
    try await send(.connectionClose, data)
  }

  private func send(_ opcode: WebSocketOpcode, _ data: ByteBuffer) async throws {
    try await outbound.write(WebSocketFrame(fin: true, opcode: opcode, maskKey: .random(), data: data))
  }
}
