import Crypto
import Foundation
import RookeryModel

/// The keys under which secrets are encrypted at rest: one for writing, and earlier ones that can still be read.
///
/// As text: a key a line, 32 bytes in base 64, the one for writing first. `#` begins a comment.
package struct KeyRing: Sendable {
  /// A key and the name by which boxes refer to it: the start of its hash, which says nothing about it.
  struct Key: Sendable {
    let id: String
    let key: SymmetricKey

    init(_ bytes: Data) {
      key = SymmetricKey(data: bytes)
      id = CredentialText.id(of: Data(SHA256.hash(data: Data("rookery key ".utf8) + bytes))).prefix(12).description
    }
  }

  /// Something encrypted, and the key that opens it.
  package struct Box: Sendable, Equatable {
    package var key: String
    package var bytes: Data
  }

  private let keys: [Key]

  /// The name of the key that new boxes are closed with.
  package var currentID: String { keys[0].id }

  /// Throws `configurationInvalid` when the text has no key, or a line that is none.
  package init(text: String) throws {
    let lines = text.split(whereSeparator: \.isNewline).map { $0.trimmingCharacters(in: .whitespaces) }
      .filter { !$0.isEmpty && !$0.hasPrefix("#") }
    let keys = lines.compactMap { Data(base64Encoded: $0) }.filter { $0.count == 32 }.map(Key.init)
    guard !keys.isEmpty, keys.count == lines.count, keys.count <= 100 else {
      throw RookeryError(
        .configurationInvalid, "The file of encryption keys does not hold one key of 32 bytes a line, in base 64.",
        mend: "Make a key with “openssl rand -base64 32”; the first line is the key that is used for writing.")
    }
    self.keys = keys
  }

  /// A new key, as a line of the text.
  package static func makeKey() -> String { SymmetricKey(size: .bits256).withUnsafeBytes { Data($0).base64EncodedString() } }

  /// Encrypts with AES-256-GCM under the current key. `place` says what it is and whose: a box that is moved elsewhere doesn't open.
  func seal(_ plain: Data, place: String) throws -> Box {
    let key = keys[0]
    guard let combined = try AES.GCM.seal(plain, using: key.key, authenticating: Data(place.utf8)).combined else {
      throw RookeryError(.internal, "A secret could not be encrypted.")
    }
    return Box(key: key.id, bytes: combined)
  }

  /// Throws `configurationInvalid` when its key is not among ours, `internal` when the box was altered or moved.
  func open(_ box: Box, place: String) throws -> Data {
    guard let key = keys.first(where: { $0.id == box.key }) else {
      throw RookeryError(
        .configurationInvalid, "A stored secret is encrypted under the key “\(box.key)”, which the server does not have.",
        mend: "Add that key to the file of encryption keys again, below the current one.")
    }
    do {
      return try AES.GCM.open(AES.GCM.SealedBox(combined: box.bytes), using: key.key, authenticating: Data(place.utf8))
    } catch {
      throw RookeryError(
        .internal, "A stored secret can't be decrypted: it was altered.", mend: "Set it again.", context: "place \(place), key \(box.key)")
    }
  }
}
