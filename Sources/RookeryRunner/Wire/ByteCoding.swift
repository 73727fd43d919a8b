/// Why bytes are not a frame of this protocol.
package enum FrameError: Error, Equatable {
  case truncated
  case trailingBytes
  case unknownKind(UInt8)
  case unknownValue
  case oversize
  case invalidText
}

/// Writes numbers big-endian, and byte strings behind a 32-bit length.
package struct ByteWriter {
  package private(set) var bytes: [UInt8] = []

  package init() {}

  package mutating func number<Number: FixedWidthInteger>(_ value: Number) {
    withUnsafeBytes(of: value.bigEndian) { bytes.append(contentsOf: $0) }
  }

  package mutating func string(_ value: some Collection<UInt8>) {
    number(UInt32(truncatingIfNeeded: value.count))
    bytes.append(contentsOf: value)
  }

  package mutating func text(_ value: String) { string(value.utf8) }
}

/// Reads what `ByteWriter` wrote; never reads beyond the end, whatever the bytes are.
package struct ByteReader {
  private let bytes: ArraySlice<UInt8>
  private var position: Int

  package init(_ bytes: ArraySlice<UInt8>) {
    self.bytes = bytes
    position = bytes.startIndex
  }

  private var remaining: Int { bytes.endIndex - position }

  package mutating func number<Number: FixedWidthInteger>(_: Number.Type = Number.self) throws(FrameError) -> Number {
    let size = Number.bitWidth / 8
    guard remaining >= size else { throw .truncated }
    var value = Number.zero
    for index in position..<position + size { value = value << 8 | Number(truncatingIfNeeded: bytes[index]) }
    position += size
    return value
  }

  package mutating func string() throws(FrameError) -> [UInt8] {
    let count = Int(try number(UInt32.self))
    guard remaining >= count else { throw .truncated }
    defer { position += count }
    return Array(bytes[position..<position + count])
  }

  package mutating func text(limit: Int) throws(FrameError) -> String {
    let bytes = try string()
    guard bytes.count <= limit else { throw .oversize }
    guard let text = String(validating: bytes, as: UTF8.self) else { throw .invalidText }
    return text
  }

  /// A list behind a 32-bit count; each element takes at least four bytes, so that the count can't reserve more than the frame holds.
  package mutating func strings() throws(FrameError) -> [[UInt8]] {
    let count = Int(try number(UInt32.self))
    guard count <= remaining / 4 else { throw .truncated }
    var result: [[UInt8]] = []
    for _ in 0..<count { result.append(try string()) }
    return result
  }

  package func finish() throws(FrameError) {
    guard remaining == 0 else { throw .trailingBytes }
  }
}
