import NIOCore

/// A server's text frames as bytes, without a mask.
package enum WebSocketFraming {
  /// Adds one whole text message.
  package static func appendText(_ payload: some Collection<UInt8>, to buffer: inout ByteBuffer) {
    let count = payload.count
    buffer.writeInteger(UInt8(0x81))
    if count < 126 {
      buffer.writeInteger(UInt8(count))
    } else if count <= UInt16.max {
      buffer.writeInteger(UInt8(126))
      buffer.writeInteger(UInt16(count))
    } else {
      buffer.writeInteger(UInt8(127))
      buffer.writeInteger(UInt64(count))
    }
    buffer.writeBytes(payload)
  }
}
