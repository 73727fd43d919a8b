import Foundation
import RookeryModel

/// What a model answered, believed only as far as it is one of the names that were offered.
struct RoutingChoice: Sendable, Equatable {
  enum Confidence: String, Sendable, CaseIterable { case high, medium, low }
  /// Nil: none, or it can't be told.
  var repository: RepositoryName?
  var confidence: Confidence
  var reason: String

  /// Why an answer is no choice.
  enum Problem: Error, Equatable {
    /// No JSON object with the members that were asked for.
    case unreadable
    /// A name that was not offered.
    case outsider(String)
  }

  /// Reads the answer's text: JSON, possibly in a fence, after thinking aloud, or between other words. Throws `Problem`.
  init(text: String, among names: Set<RepositoryName>) throws {
    for object in Self.objects(in: text) {
      guard case .object(let members) = object, let value = members["repository"] else { continue }
      switch value {
      case .null: repository = nil
      case .string(let text) where ["", "null", "none", "unknown"].contains(text.lowercased()): repository = nil
      case .string(let text):
        guard let name = RepositoryName(rawValue: text), names.contains(name) else { throw Problem.outsider(String(text.prefix(80))) }
        repository = name
      default: continue
      }
      // Without a word on it, nothing is certain.
      confidence = members["confidence"]?.string.flatMap { Confidence(rawValue: $0.lowercased()) } ?? .low
      reason = String((members["reason"]?.string ?? "").prefix(300))
      return
    }
    throw Problem.unreadable
  }

  /// Openings that are tried.
  private static let openings = 200

  /// The JSON objects of a text, the last first: what is thought comes before what is answered.
  private static func objects(in text: String) -> [JSONValue] {
    let text = text.suffix(50_000)
    if let whole = decode(text.trimmingCharacters(in: .whitespacesAndNewlines)) { return [whole] }
    var found: [JSONValue] = []
    var end = text.endIndex
    for _ in 0..<openings {
      guard let start = text[..<end].lastIndex(of: "{") else { break }
      if let close = closing(of: text[start...]), let value = decode(String(text[start...close])) { found.append(value) }
      end = start
    }
    return found
  }

  /// Where the object with which `text` begins ends.
  private static func closing(of text: Substring) -> String.Index? {
    var depth = 0
    var isQuoted = false
    var isEscaped = false
    for index in text.indices.prefix(5000) {
      switch text[index] {
      case _ where isEscaped: isEscaped = false
      case "\\" where isQuoted: isEscaped = true
      case "\"": isQuoted.toggle()
      case "{" where !isQuoted: depth += 1
      case "}" where !isQuoted:
        depth -= 1
        if depth == 0 { return index }
      default: break
      }
    }
    return nil
  }

  private static func decode(_ text: String) -> JSONValue? { try? JSON.decode(JSONValue.self, from: Data(text.utf8)) }
}
