/// Cuts a stream of bytes into frames. It never holds more than one frame of the largest size and what came in the same read.
package struct FrameBuffer {
  private var bytes: [UInt8] = []
  private var start = 0

  package init() {}

  package mutating func append(_ more: some Sequence<UInt8>) { bytes.append(contentsOf: more) }

  /// The next whole frame without its length, or nil when more bytes are needed. A frame that is empty or too large is an error: the
  /// stream can't be followed any further.
  package mutating func next() throws(FrameError) -> ArraySlice<UInt8>? {
    let available = bytes.count - start
    guard available >= 4 else {
      compact()
      return nil
    }
    let length = bytes[start..<start + 4].reduce(0) { $0 << 8 | Int($1) }
    guard length <= RunnerProtocol.largestFrame else { throw .oversize }
    guard length > 0 else { throw .truncated }
    guard available >= 4 + length else {
      compact()
      return nil
    }
    defer { start += 4 + length }
    return bytes[start + 4..<start + 4 + length]
  }

  private mutating func compact() {
    guard start > 0 else { return }
    if start == bytes.count, bytes.capacity > 1 << 17 {
      bytes = []
    } else {
      bytes.removeFirst(start)
    }
    start = 0
  }
}
