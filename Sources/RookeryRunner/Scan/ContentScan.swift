import CZlib
import Glibc

/// Looks through one stream of bytes: what it finds is told once for the whole stream, wherever pieces of it were cut.
struct ContentScan {
  /// Longer than anything that is looked for.
  private static let overlap = 1024
  static let piece = 1 << 20

  private let fingerprints: FingerprintSet
  private var tail: [UInt8] = []
  /// Secrets of the server, by label.
  private(set) var known: Set<String> = []
  /// What only looks like a credential.
  private(set) var formats: Set<String> = []

  init(_ fingerprints: FingerprintSet) { self.fingerprints = fingerprints }

  mutating func add(_ bytes: UnsafeRawBufferPointer) {
    guard !bytes.isEmpty else { return }
    var window = tail
    window.append(contentsOf: bytes)
    window.withUnsafeBytes { window in
      fingerprints.find(in: window, &known)
      CredentialFormats.find(in: window, &formats)
    }
    tail = Array(window.suffix(Self.overlap))
  }

  mutating func add(_ bytes: [UInt8]) { bytes.withUnsafeBytes { add($0) } }
}

/// Decompresses gzip and zlib streams, one behind the other as gzip allows, up to a bound.
struct Inflation {
  enum Failure: Error { case tooLarge }

  /// Bytes that one file may expand to.
  static let limit = 4 << 30

  static func isCompressed(_ head: UnsafeRawBufferPointer) -> Bool { head.count >= 3 && head[0] == 0x1f && head[1] == 0x8b && head[2] == 8 }

  private var stream = z_stream()
  private var isEnded = false
  private var produced = 0

  init?() {
    // 32 + 15: gzip or zlib framing, whichever it is.
    guard inflateInit2_(&stream, 32 + 15, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size)) == Z_OK else { return nil }
  }

  mutating func end() { inflateEnd(&stream) }

  /// Hands what `bytes` expands to to `body`; what is no such stream any more is left alone.
  mutating func add(_ bytes: UnsafeRawBufferPointer, _ body: (UnsafeRawBufferPointer) -> Void) throws(Failure) {
    guard !isEnded, let base = bytes.baseAddress else { return }
    stream.next_in = UnsafeMutablePointer(mutating: base.assumingMemoryBound(to: UInt8.self))
    stream.avail_in = UInt32(bytes.count)
    var output = [UInt8](repeating: 0, count: ContentScan.piece)
    while stream.avail_in > 0 || stream.avail_out == 0 {
      let size = output.count
      let result = output.withUnsafeMutableBufferPointer { buffer in
        stream.next_out = buffer.baseAddress
        stream.avail_out = UInt32(size)
        return inflate(&stream, Z_NO_FLUSH)
      }
      let count = size - Int(stream.avail_out)
      produced += count
      guard produced <= Self.limit else { throw .tooLarge }
      output.withUnsafeBytes { body(UnsafeRawBufferPointer(rebasing: $0[..<count])) }
      switch result {
      case Z_OK: if count == 0 { return }
      case Z_STREAM_END: inflateReset(&stream)
      case Z_BUF_ERROR: return
      default:
        isEnded = true
        return
      }
    }
  }
}
