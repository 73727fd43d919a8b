import Foundation
import RookeryModel
import Testing

@testable import RookeryConfiguration

@Suite struct SecretFileTests {
  /// Runs `body` with a directory that holds `secret` with that text and mode.
  private func with(_ text: String, mode: Int, _ body: (String) throws -> Void) throws {
    let directory = FileManager.default.temporaryDirectory.appendingPathComponent("rookery-secret-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: directory) }
    let file = directory.appendingPathComponent("secret")
    try Data(text.utf8).write(to: file)
    try FileManager.default.setAttributes([.posixPermissions: mode], ofItemAtPath: file.path)
    try body(directory.path)
  }

  private func model(in directory: String) throws -> Configuration.Model? {
    try Configuration.parse(yaml: "model: {name: n, key_file: secret}", file: directory + "/rookery.yaml", environment: [:]).model
  }

  @Test(arguments: [0o600, 0o640, 0o400])
  func readsAProtectedFileBesideTheConfiguration(mode: Int) throws {
    try with("the-key\n", mode: mode) { directory in
      let key = try model(in: directory)?.key
      #expect(key == Secret("the-key"))
    }
  }

  @Test(arguments: [0o644, 0o602, 0o601])
  func refusesAFileThatOthersMayOpen(mode: Int) throws {
    try with("the-key\n", mode: mode) { directory in
      let error = try #require(throws: RookeryError.self) { try model(in: directory) }
      #expect(error.mend == "Run: chmod o= \(directory)/secret")
      #expect(error.message.contains("model.key_file"))
    }
  }

  @Test(arguments: ["", "two\nlines\n", "with space"])
  func refusesWhatIsNoSecret(text: String) throws {
    try with(text, mode: 0o600) { directory in
      let error = try #require(throws: RookeryError.self) { try model(in: directory) }
      #expect(error.code == .configurationInvalid)
    }
  }

  @Test func refusesADirectory() throws {
    try with("x", mode: 0o600) { directory in
      let yaml = "model: {name: n, key_file: .}"
      let error = try #require(throws: RookeryError.self) {
        try Configuration.parse(yaml: yaml, file: directory + "/rookery.yaml", environment: [:])
      }
      #expect(error.message.contains("not a file"))
    }
  }

  @Test func readsPeoplesTokensByLowerCaseAddress() throws {
    try with("Ada@Example.org: token-1\nbob@example.org: token-2\n", mode: 0o600) { directory in
      let yaml = "github: {user_tokens_file: \(directory)/secret}"
      let configuration = try Configuration.parse(yaml: yaml, file: "rookery.yaml", environment: [:])
      #expect(configuration.github.userTokens == ["ada@example.org": Secret("token-1"), "bob@example.org": Secret("token-2")])
    }
  }

  @Test func aBadTokenLineIsNamedWithoutTheToken() throws {
    try with("ada@example.org: t1\nnobody: hidden-token\n", mode: 0o600) { directory in
      let yaml = "github: {user_tokens_file: \(directory)/secret}"
      let error = try #require(throws: RookeryError.self) {
        try Configuration.parse(yaml: yaml, file: "rookery.yaml", environment: [:])
      }
      #expect(error.message.contains("secret:2"))
      #expect(!error.description.contains("hidden-token"))
    }
  }
}
