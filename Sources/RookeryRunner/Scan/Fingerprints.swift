/// What the scan looks for of a secret that it must not know: the place of its first eight bytes in a keyed filter, and a keyed
/// digest of all of it. Who reads the scan's memory learns no secret from this.
package struct Fingerprint: Sendable, Equatable {
  /// Texts shorter than this are not looked for: they would be found everywhere.
  package static let minimumLength = 8
  package static let maximumLength = 256

  /// Bytes of the text.
  package var length: Int
  /// The keyed hash of the first eight bytes, its upper 34 bits.
  package var head: UInt64
  /// SHA-256 of the key and the text.
  package var digest: [UInt8]
  /// What is reported when it is found.
  package var label: String

  package init(length: Int, head: UInt64, digest: [UInt8], label: String) {
    self.length = length
    self.head = head
    self.digest = digest
    self.label = label
  }

  /// The fingerprint of `text` under `key`; nil when it is too short or too long.
  package init?(_ text: [UInt8], key: FingerprintKey, label: String) {
    guard (Self.minimumLength...Self.maximumLength).contains(text.count) else { return nil }
    length = text.count
    head = key.head(text)
    digest = key.digest(text[...])
    self.label = label
  }
}

/// The key of one scan's fingerprints: 32 random bytes.
package struct FingerprintKey: Sendable, Equatable {
  package let bytes: [UInt8]
  let multiplier: UInt64

  package init?(_ bytes: [UInt8]) {
    guard bytes.count == 32 else { return nil }
    self.bytes = bytes
    multiplier = bytes.prefix(8).reduce(0) { $0 << 8 | UInt64($1) } | 1
  }

  func head(_ text: [UInt8]) -> UInt64 {
    let word = (0..<8).reduce(UInt64(0)) { $0 | UInt64(text[$1]) << (8 * UInt64($1)) }
    return (word &* multiplier) >> 30
  }

  func digest(_ text: ArraySlice<UInt8>) -> [UInt8] { SHA256Digest.of(bytes + text) }
}

/// Finds texts by their fingerprints at any place of a buffer.
package struct FingerprintSet: Sendable {
  private let key: FingerprintKey
  /// One bit for each value of a head's upper 18 bits.
  private var filter = [UInt64](repeating: 0, count: 1 << 12)
  private var byHead: [UInt64: [Fingerprint]] = [:]

  package init(key: FingerprintKey, _ fingerprints: [Fingerprint]) {
    self.key = key
    for fingerprint in fingerprints {
      let place = Int(fingerprint.head >> 16)
      filter[place >> 6] |= 1 << UInt64(place & 63)
      byHead[fingerprint.head, default: []].append(fingerprint)
    }
  }

  package var isEmpty: Bool { byHead.isEmpty }

  /// Adds the labels of texts that lie in `bytes` to `found`.
  package func find(in bytes: UnsafeRawBufferPointer, _ found: inout Set<String>) {
    guard !byHead.isEmpty, bytes.count >= Fingerprint.minimumLength, let base = bytes.baseAddress else { return }
    let multiplier = key.multiplier
    filter.withUnsafeBufferPointer { filter in
      var word: UInt64 = 0
      for index in 0..<7 { word |= UInt64(bytes[index]) << (8 * UInt64(index + 1)) }
      let octets = base.assumingMemoryBound(to: UInt8.self)
      var end = 7
      while end < bytes.count {
        word = word >> 8 | UInt64(octets[end]) << 56
        let head = (word &* multiplier) >> 30
        let place = Int(truncatingIfNeeded: head >> 16)
        if filter[place >> 6] & (1 << UInt64(place & 63)) != 0 { check(head, bytes, at: end - 7, &found) }
        end += 1
      }
    }
  }

  private func check(_ head: UInt64, _ bytes: UnsafeRawBufferPointer, at start: Int, _ found: inout Set<String>) {
    for fingerprint in byHead[head] ?? [] where start + fingerprint.length <= bytes.count && !found.contains(fingerprint.label) {
      let text = Array(bytes[start..<start + fingerprint.length])
      if key.digest(text[...]) == fingerprint.digest { found.insert(fingerprint.label) }
    }
  }
}
