import Foundation
import Testing

@testable import RookeryConfiguration

@Suite struct DocumentationTests {
  private func document() throws -> String {
    let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
    return try String(contentsOf: root.appendingPathComponent("docs/configuration.md"), encoding: .utf8)
  }

  @Test func everyKeyAndVariableIsDocumented() throws {
    let document = try document()
    for key in ConfigurationKeys.documented where !document.contains("| `\(key)` |") {
      Issue.record("docs/configuration.md has no row for `\(key)`")
    }
    let environment = try #require(document.range(of: "## .rookery/environment.yaml"), "the section on a repository's own file")
    for key in ConfigurationKeys.documentedEnvironment where !document[environment.lowerBound...].contains("| `\(key)` |") {
      Issue.record("docs/configuration.md has no row for `\(key)` of the repository's file")
    }
    for variable in ConfigurationVariable.allCases where !document.contains("| `\(variable.rawValue)` |") {
      Issue.record("docs/configuration.md has no row for `\(variable.rawValue)`")
    }
  }

  /// The complete example is read as it stands.
  @Test func theExampleIsValid() throws {
    let document = try document()
    let blocks = document.components(separatedBy: "```yaml\n").dropFirst().compactMap { $0.components(separatedBy: "```").first }
    #expect(blocks.count >= 2)
    let example = try #require(blocks.first)
    let configuration = try Configuration.parse(yaml: example, file: "rookery.yaml", environment: ["WEB_GIT_TOKEN": "t"])
    #expect(!configuration.repositories.isEmpty)
    _ = try EnvironmentFile.parse(yaml: try #require(blocks.last))
  }
}
