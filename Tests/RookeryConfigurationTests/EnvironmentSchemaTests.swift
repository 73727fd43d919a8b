import Foundation
import RookeryModel
import Testing

@testable import RookeryConfiguration

/// The schema for editors says what the parser says.
@Suite struct EnvironmentSchemaTests {
  @Test func theDocumentIsTheSchema() throws {
    let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
    let document = try String(contentsOf: root.appendingPathComponent("docs/environment.schema.json"), encoding: .utf8)
    #expect(document == (try EnvironmentSchema.text()), "write it anew: rookery environment schema > docs/environment.schema.json")
  }

  @Test func everyKeyOfTheParserIsInIt() throws {
    #expect(Set(keys(EnvironmentSchema.root, "")) == Set(ConfigurationKeys.documentedEnvironment))
  }

  /// At each number's bounds the parser takes a value, beyond them it doesn't.
  @Test func numbersHaveTheParsersBounds() throws {
    var checked = 0
    for (path, minimum, maximum) in numbers(EnvironmentSchema.root, "") {
      for (value, isValid) in [(minimum, true), (maximum, true), (minimum - 1, false), (maximum + 1, false)] {
        let number = value == value.rounded() ? "\(Int(value))" : "\(value)"
        let yaml = Self.document(path, number)
        #expect(((try? EnvironmentFile.parse(yaml: yaml)) != nil) == isValid, "\(path): \(number)\n\(yaml)")
        checked += 1
      }
    }
    #expect(checked == 4 * 10)
  }

  /// At each list's bound the parser takes it, beyond it doesn't.
  @Test(arguments: [
    ("setup", "x"), ("build", "x"), ("warm", "x"), ("inputs", "x"), ("hosts", "a.example"), ("ports", "1"),
  ])
  func listsHaveTheParsersBounds(_ key: String, _ element: String) throws {
    let limit = try #require(EnvironmentSchema.root["properties"]?[key]?["maxItems"]?.integer)
    for (count, isValid) in [(Int(limit), true), (Int(limit) + 1, false)] {
      let yaml = "\(key): [\(Array(repeating: element, count: count).joined(separator: ", "))]"
      #expect(((try? EnvironmentFile.parse(yaml: yaml)) != nil) == isValid)
    }
  }

  private static func document(_ path: String, _ value: String) -> String {
    switch path {
    case "start[].timeout_seconds": "start: [{name: a, run: b, ready: {port: 1}, timeout_seconds: \(value)}]"
    case "start[].ready.port": "start: [{name: a, run: b, ready: {port: \(value)}}]"
    case "ports[]": "ports: [\(value)]"
    default: "limits: {\(path.dropFirst("limits.".count)): \(value)}"
    }
  }

  private func keys(_ schema: JSONValue, _ prefix: String) -> [String] {
    guard case .object(let properties)? = schema["properties"] else {
      return schema["items"].map { keys($0, prefix.isEmpty ? "" : String(prefix.dropLast()) + "[].") } ?? []
    }
    return properties.flatMap { [prefix + $0.key] + keys($0.value, prefix + $0.key + ".") }
  }

  private func numbers(_ schema: JSONValue, _ path: String) -> [(String, Double, Double)] {
    func double(_ key: String) -> Double? {
      switch schema[key] {
      case .integer(let value): Double(value)
      case .number(let value): value
      default: nil
      }
    }
    var found: [(String, Double, Double)] = []
    if let minimum = double("minimum"), let maximum = double("maximum") { found.append((path, minimum, maximum)) }
    if let items = schema["items"] { found += numbers(items, path + "[]") }
    if case .object(let properties)? = schema["properties"] {
      for (key, value) in properties { found += numbers(value, path.isEmpty ? key : "\(path).\(key)") }
    }
    return found
  }
}
