import CZlib
import RookeryModel

/// Decompresses one gzip stream (RFC 1952), piece by piece, at the reader's pace.
final class GzipInflater {
  private var stream = z_stream()
  private var input: [UInt8] = []
  private var isAtEnd = false
  private let piece: Int

  /// - Parameter piece: Bytes that `next` returns at most.
  init(piece: Int = 1 << 16) throws {
    self.piece = piece
    // 16 + 15: gzip framing only, with the largest window.
    guard inflateInit2_(&stream, 16 + 15, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size)) == Z_OK else { throw Self.corrupt }
  }

  deinit { inflateEnd(&stream) }

  func feed(_ bytes: [UInt8]) { input += bytes }

  /// The next decompressed bytes; nil when more input is needed.
  /// - Throws: `badRequest` for corrupt input, and for anything after the stream's end.
  func next() throws -> [UInt8]? {
    guard !isAtEnd else {
      guard input.isEmpty else { throw Self.corrupt }
      return nil
    }
    var taken = 0
    let bytes = try [UInt8](unsafeUninitializedCapacity: piece) { buffer, count in
      try input.withUnsafeBufferPointer { source in
        // zlib only reads through `next_in`, although its type is not const.
        stream.next_in = UnsafeMutablePointer(mutating: source.baseAddress)
        stream.avail_in = UInt32(source.count)
        stream.next_out = buffer.baseAddress
        stream.avail_out = UInt32(piece)
        let result = inflate(&stream, Z_NO_FLUSH)
        // Z_BUF_ERROR: nothing to do without more input.
        guard result == Z_OK || result == Z_STREAM_END || result == Z_BUF_ERROR else { throw Self.corrupt }
        isAtEnd = result == Z_STREAM_END
        taken = source.count - Int(stream.avail_in)
        count = piece - Int(stream.avail_out)
      }
    }
    input.removeFirst(taken)
    if bytes.isEmpty && isAtEnd && !input.isEmpty { throw Self.corrupt }
    return bytes.isEmpty ? nil : bytes
  }

  /// The input is complete.
  /// - Throws: `badRequest` when the stream is not.
  func finish() throws { if !isAtEnd { throw Self.corrupt } }

  private static let corrupt = RookeryError(.badRequest, "The compressed body is corrupt.")
}
