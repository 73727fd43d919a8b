import Foundation
import GRDB
import RookeryModel
import RookeryTestSupport
import Testing

@testable import RookeryStore

@Suite struct SecretVaultTests {
  private func vault(_ directory: TemporaryDirectory) throws -> (SecretVault, Registry) {
    let registry = try Registry(directory: directory.path)
    return (try SecretVault(registry: registry, source: .file(KeyFile(directory: directory.path))), registry)
  }

  @Test func whatIsKeptComesBackAndIsNotReadableOnDisk() async throws {
    let directory = try TemporaryDirectory()
    let (vault, registry) = try vault(directory)
    let plain = "ghu_" + String(repeating: "q7", count: 18)
    try await vault.set(plain, as: "u-1", in: .account)
    #expect(try await vault.get(String.self, "u-1", in: .account) == plain)
    #expect(try await vault.get(String.self, "u-2", in: .account) == nil)
    #expect(try await vault.get(String.self, "u-1", in: .app) == nil)
    try await registry.database.writeWithoutTransaction { try $0.execute(sql: "PRAGMA wal_checkpoint(TRUNCATE)") }
    for name in ["registry.sqlite", "registry.sqlite-wal"] {
      let bytes = FileManager.default.contents(atPath: directory.path(name)) ?? Data()
      #expect(bytes.range(of: Data(plain.utf8)) == nil)
    }
    let mode = try FileManager.default.attributesOfItem(atPath: directory.path("secrets.keys"))[.posixPermissions] as? Int
    #expect(mode == 0o600)
    #expect(try await vault.remove("u-1", in: .account))
    #expect(try await !vault.remove("u-1", in: .account))
  }

  @Test func aBoxOpensOnlyWhereItWasPut() async throws {
    let directory = try TemporaryDirectory()
    let (vault, registry) = try vault(directory)
    try await vault.set("mine", as: "u-1", in: .account)
    try await registry.database.write { try $0.execute(sql: "UPDATE sealed SET name = 'u-2'") }
    await #expect(throws: RookeryError.self) { try await vault.get(String.self, "u-2", in: .account) }
    try await registry.database.write { try $0.execute(sql: "UPDATE sealed SET name = 'u-1', box = CAST(box || x'00' AS BLOB)") }
    await #expect(throws: RookeryError.self) { try await vault.get(String.self, "u-1", in: .account) }
  }

  @Test func rotationEncryptsAllAnewAndForgetsTheOldKey() async throws {
    let directory = try TemporaryDirectory()
    let (vault, registry) = try vault(directory)
    for name in ["a", "b", "c"] { try await vault.set("value of \(name)", as: name, in: .organisation) }
    let (before, keys) = (vault.keyID, try directory.read("secrets.keys"))
    #expect(try await vault.rotate() == 3)
    #expect(vault.keyID != before)
    #expect(Set(try await vault.list().map(\.key)) == [vault.keyID])
    #expect(try await vault.get(String.self, "b", in: .organisation) == "value of b")
    let now = try directory.read("secrets.keys")
    #expect(now != keys && now.split(separator: "\n").count == 1)
    // Another process after it, with what is on disk.
    let later = try SecretVault(registry: registry, source: .file(KeyFile(directory: directory.path)))
    #expect(try await later.get(String.self, "c", in: .organisation) == "value of c")
    // Whoever kept only the old key opens nothing.
    let old = try SecretVault(registry: registry, source: .configured { keys })
    let failure = await #expect(throws: RookeryError.self) { try await old.get(String.self, "c", in: .organisation) }
    #expect(failure?.code == .configurationInvalid && failure?.message.contains(vault.keyID) == true)
  }

  @Test func aCrashInTheMiddleOfARotationLosesNothing() async throws {
    let directory = try TemporaryDirectory()
    let (vault, registry) = try vault(directory)
    try await vault.set("kept", as: "a", in: .organisation)
    // The new key is written, nothing is encrypted under it so far.
    _ = try KeyFile(directory: directory.path).addKey()
    let next = try SecretVault(registry: registry, source: .file(KeyFile(directory: directory.path)))
    #expect(try await next.get(String.self, "a", in: .organisation) == "kept")
    #expect(try await next.rotate() == 1)
    #expect(try await next.get(String.self, "a", in: .organisation) == "kept")
  }

  @Test(arguments: ["", "# nothing\n", "c2hvcnQ=\n", "not base 64"])
  func whatIsNoKeyIsRefused(text: String) {
    #expect(throws: RookeryError.self) { try KeyRing(text: text) }
  }

  @Test func scopesReadTheirOwnText() throws {
    let scopes: [SecretScope] = [
      .account, .app, .organisation, .repository(try RepositoryName("site")), .user(.random(prefix: "u-")),
    ]
    for scope in scopes { #expect(SecretScope(scope.text) == scope) }
    for text in ["", "organisation:x", "repository", "repository:", "user:"] { #expect(SecretScope(text) == nil) }
  }
}
