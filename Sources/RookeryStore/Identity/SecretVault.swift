import Foundation
import RookeryModel
import Synchronization

/// The registry's encrypted secrets together with the keys that open them.
package final class SecretVault: Sendable {
  /// Where the keys come from.
  package enum Source: Sendable {
    /// The server's own file, which a rotation writes.
    case file(KeyFile)
    /// The configuration's: the operator changes them, and `read` reads them again.
    case configured(read: @Sendable () throws -> String)
  }

  private let registry: Registry
  private let source: Source
  private let ring: Mutex<KeyRing>

  /// Throws `configurationInvalid` when the keys can't be read.
  package init(registry: Registry, source: Source) throws {
    self.registry = registry
    self.source = source
    switch source {
    case .file(let file): ring = Mutex(try file.load())
    case .configured(let read): ring = Mutex(try KeyRing(text: read()))
    }
  }

  private var current: KeyRing { ring.withLock { $0 } }

  /// The id of the key that new secrets are encrypted under.
  package var keyID: String { current.currentID }

  package func set(_ value: some Encodable & Sendable, as name: String, in scope: SecretScope) async throws {
    try await registry.seal(JSON.encode(value), as: name, in: scope, with: current)
  }

  /// Nil when there is none.
  package func get<Value: Decodable & Sendable>(_: Value.Type, _ name: String, in scope: SecretScope) async throws -> Value? {
    try await registry.unseal(name, in: scope, with: current).map { try JSON.decode(Value.self, from: $0) }
  }

  @discardableResult
  package func remove(_ name: String, in scope: SecretScope) async throws -> Bool { try await registry.removeSealed(name, in: scope) }

  package func list(in scope: SecretScope? = nil) async throws -> [SealedSummary] { try await registry.sealed(in: scope) }

  /// Takes up the newest key, making one where the file is the server's own, and encrypts everything anew under it. Safe to repeat
  /// after a crash: old keys go last. Returns how many secrets were encrypted anew.
  package func rotate() async throws -> Int {
    switch source {
    case .file(let file):
      let renewed = try file.addKey()
      ring.withLock { $0 = renewed }
      let count = try await registry.reseal(with: renewed)
      try file.dropOldKeys()
      let last = try file.load()
      ring.withLock { $0 = last }
      return count
    case .configured(let read):
      let renewed = try KeyRing(text: read())
      ring.withLock { $0 = renewed }
      return try await registry.reseal(with: renewed)
    }
  }
}
