import Crypto
import Foundation
import RookeryModel
import RookeryRunner

/// The secrets that the server knows, in every form in which one may have come into a file.
struct Canaries: Sendable {
  /// What a text is at least as long as to be looked for: shorter ones are found everywhere.
  static let minimumLength = Fingerprint.minimumLength
  /// Of a longer form only its middle is looked for.
  private static let longest = 96

  private let values: [[UInt8]]

  init(_ secrets: [Secret]) {
    values = Set(secrets.map { $0.reveal().trimmingCharacters(in: .whitespacesAndNewlines) })
      .map { Array($0.utf8) }.filter { $0.count >= Self.minimumLength }
  }

  /// What tells, under `key`, which secrets a scan looked for, and nothing about them.
  func marks(_ key: [UInt8]) -> [String] {
    values.map { value in
      let code = HMAC<SHA256>.authenticationCode(for: value, using: SymmetricKey(data: key))
      return code.prefix(16).map { String(format: "%02x", $0) }.joined()
    }.sorted()
  }

  /// The fingerprints of every form of every secret.
  func fingerprints(_ key: FingerprintKey) -> [Fingerprint] {
    var found: [Fingerprint] = []
    for value in values {
      for form in Set(Self.forms(value).map(Self.middle)) {
        if let fingerprint = Fingerprint(form, key: key, label: "a secret of the server") { found.append(fingerprint) }
      }
    }
    return found
  }

  /// Plain; base64 at each of the three alignments, with either alphabet; hexadecimal in either case; percent-encoded; as JSON.
  static func forms(_ value: [UInt8]) -> [[UInt8]] {
    var forms = [value]
    for lead in 0..<3 {
      let text = Data([UInt8](repeating: 0, count: lead) + value).base64EncodedString()
      // Characters that share bits with a neighbour depend on it.
      let first = (lead * 8 + 5) / 6
      let end = (lead + value.count) * 8 / 6
      let sure = Array(text.utf8)[first..<end]
      forms.append(Array(sure))
      forms.append(sure.map { $0 == UInt8(ascii: "+") ? UInt8(ascii: "-") : $0 == UInt8(ascii: "/") ? UInt8(ascii: "_") : $0 })
    }
    forms.append(Array(value.map { String(format: "%02x", $0) }.joined().utf8))
    forms.append(Array(value.map { String(format: "%02X", $0) }.joined().utf8))
    for format in ["%%%02X", "%%%02x"] {
      forms.append(value.flatMap { isUnreserved($0) ? [$0] : Array(String(format: format, $0).utf8) })
    }
    if let json = try? JSONEncoder().encode(String(decoding: value, as: UTF8.self)) { forms.append(Array(json.dropFirst().dropLast())) }
    return forms.filter { $0.count >= minimumLength }
  }

  private static func middle(_ form: [UInt8]) -> [UInt8] {
    guard form.count > longest else { return form }
    return Array(form[(form.count - longest) / 2..<(form.count + longest) / 2])
  }

  private static func isUnreserved(_ byte: UInt8) -> Bool {
    (0x30...0x39).contains(byte) || (0x41...0x5a).contains(byte) || (0x61...0x7a).contains(byte) || [0x2d, 0x2e, 0x5f, 0x7e].contains(byte)
  }
}
