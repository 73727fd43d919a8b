import CScan
import Glibc

/// Tokens and keys that can be told by their form alone.
enum CredentialFormats {
  private struct Format {
    var label: String
    var prefix: [UInt8]
    /// Least number of characters behind the prefix.
    var length: Int
    var allows: @Sendable (UInt8) -> Bool

    init(_ label: String, _ prefix: String, _ length: Int, _ allows: @escaping @Sendable (UInt8) -> Bool) {
      self.label = label
      self.prefix = Array(prefix.utf8)
      self.length = length
      self.allows = allows
    }
  }

  /// Adds the labels of what `bytes` holds to `found`.
  static func find(in bytes: UnsafeRawBufferPointer, _ found: inout Set<String>) {
    for format in formats where !found.contains(format.label) {
      each(format.prefix, in: bytes) { end in
        let body = bytes[end..<min(bytes.count, end + 120)].prefix(while: format.allows)
        // Placeholders such as xxxx… and documentation's examples tell nobody anything.
        guard body.count >= format.length, entropy(body) >= 3, !isExample(body) else { return true }
        found.insert(format.label)
        return false
      }
    }
    if !found.contains("a private key") { findPrivateKey(in: bytes, &found) }
  }

  /// `-----BEGIN … PRIVATE KEY-----` with what follows it in a real one.
  private static func findPrivateKey(in bytes: UnsafeRawBufferPointer, _ found: inout Set<String>) {
    each(Array("PRIVATE KEY-----".utf8), in: bytes) { end in
      let before = bytes[max(0, end - 48)..<end]
      let body = bytes[end..<min(bytes.count, end + 200)]
        .filter { $0 != 0x0a && $0 != 0x0d && $0 != UInt8(ascii: "\\") && $0 != UInt8(ascii: "n") }
        .prefix(while: { isBase64($0) })
      guard before.contains(where: { $0 == UInt8(ascii: "B") }), body.count >= 56, entropy(body[...]) >= 4 else { return true }
      found.insert("a private key")
      return false
    }
  }

  /// Calls `body` with the offset behind each place where `needle` stands, until it returns false.
  static func each(_ needle: [UInt8], in bytes: UnsafeRawBufferPointer, _ body: (Int) -> Bool) {
    guard let base = bytes.baseAddress else { return }
    var offset = 0
    while offset + needle.count <= bytes.count {
      let place = cscan_find(base + offset, bytes.count - offset, needle, needle.count)
      guard place >= 0 else { return }
      offset += place + needle.count
      if !body(offset) { return }
    }
  }

  /// Shannon's, in bits a character.
  static func entropy(_ text: some Collection<UInt8>) -> Double {
    var counts: [UInt8: Double] = [:]
    for byte in text { counts[byte, default: 0] += 1 }
    let total = Double(text.count)
    return counts.values.reduce(0) { $0 - $1 / total * log2($1 / total) }
  }

  private static func isExample(_ text: some Sequence<UInt8>) -> Bool {
    let text = String(decoding: Array(text), as: UTF8.self).lowercased()
    return ["example", "abcdefgh", "12345678", "placeholder", "changeme"].contains { text.contains($0) }
  }

  private static func isAlphanumeric(_ byte: UInt8) -> Bool {
    (0x30...0x39).contains(byte) || (0x41...0x5a).contains(byte) || (0x61...0x7a).contains(byte)
  }
  private static func isWord(_ byte: UInt8) -> Bool { isAlphanumeric(byte) || byte == 0x5f || byte == 0x2d }
  private static func isUpper(_ byte: UInt8) -> Bool { (0x30...0x39).contains(byte) || (0x41...0x5a).contains(byte) }
  private static func isBase64(_ byte: UInt8) -> Bool { isAlphanumeric(byte) || byte == 0x2b || byte == 0x2f || byte == 0x3d }

  private static let formats: [Format] =
    ["ghp_", "gho_", "ghu_", "ghs_", "ghr_"].map { Format("a GitHub token", $0, 36) { isAlphanumeric($0) } } + [
      Format("a GitHub token", "github_pat_", 60) { isWord($0) },
      Format("a GitLab token", "glpat-", 20) { isWord($0) },
      Format("a Slack token", "xoxb-", 24) { isWord($0) },
      Format("a Slack token", "xoxp-", 24) { isWord($0) },
      Format("a Slack token", "xapp-", 24) { isWord($0) },
      Format("an AWS key", "AKIA", 16) { isUpper($0) },
      Format("an AWS key", "ASIA", 16) { isUpper($0) },
      Format("an Anthropic key", "sk-ant-", 40) { isWord($0) },
      Format("an OpenAI key", "sk-proj-", 40) { isWord($0) },
      Format("an API key", "sk-", 48) { isAlphanumeric($0) },
      Format("a Google key", "AIza", 35) { isWord($0) },
      Format("an npm token", "npm_", 36) { isAlphanumeric($0) },
      Format("a PyPI token", "pypi-AgEI", 50) { isWord($0) },
      Format("a Hugging Face token", "hf_", 34) { isAlphanumeric($0) },
      Format("a Docker token", "dckr_pat_", 24) { isWord($0) },
    ]
}
