import CScan

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
struct Inflation: ~Copyable {
  enum Failure: Error { case tooLarge }

  /// Bytes that one file may expand to.
  static let limit = 4 << 30

  static func isCompressed(_ head: UnsafeRawBufferPointer) -> Bool { head.count >= 3 && head[0] == 0x1f && head[1] == 0x8b && head[2] == 8 }

  private let stream: OpaquePointer
  private var isEnded = false
  private var produced = 0

  init?() {
    guard let stream = cscan_inflation_new() else { return nil }
    self.stream = stream
  }

  deinit { cscan_inflation_free(stream) }

  /// Hands what `bytes` expands to to `body`; what is no such stream any more is left alone.
  mutating func add(_ bytes: UnsafeRawBufferPointer, _ body: (UnsafeRawBufferPointer) -> Void) throws(Failure) {
    var output = [UInt8](repeating: 0, count: ContentScan.piece)
    var rest = bytes[...]
    while !isEnded {
      var (consumed, count) = (0, 0)
      let result = cscan_inflate(
        stream, UnsafeRawBufferPointer(rebasing: rest).baseAddress?.assumingMemoryBound(to: UInt8.self), rest.count, &consumed, &output,
        output.count, &count)
      rest = rest.dropFirst(consumed)
      produced += count
      output.withUnsafeBytes { body(UnsafeRawBufferPointer(rebasing: $0[..<count])) }
      isEnded = result != 0
      guard produced <= Self.limit else { throw .tooLarge }
      // Full output may have more behind it without any input.
      if consumed == 0, count == 0 { return }
      if rest.isEmpty, count < output.count { return }
    }
  }
}
