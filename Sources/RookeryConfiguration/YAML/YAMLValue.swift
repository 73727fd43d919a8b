import Foundation
import RookeryModel
import Yams

/// A value of a YAML text with its place, read as the type that is asked for or refused.
struct YAMLValue {
  let node: Node
  /// Keys from the root: `repositories.web.limits`.
  let path: String
  let document: YAMLDocument

  var line: Int? { node.mark?.line }

  func failure(_ problem: String, mend: String) -> RookeryError {
    document.failure(line: line, path, problem, mend: mend)
  }

  /// Any scalar's text as it is written: `1.10` stays `1.10`. An absent value is refused.
  func string() throws -> String {
    guard let scalar = node.scalar else { throw failure("must be a text.", mend: "Write one value there.") }
    guard node.tag != Tag(.null) else { throw failure("has no value.", mend: "Give it a value or remove the key.") }
    return scalar.string
  }

  /// A text of at least one character, without line breaks or other control characters.
  func line(limit: Int = 1024) throws -> String {
    let text = try string()
    guard !text.isEmpty, text.utf8.count <= limit, text.unicodeScalars.allSatisfy({ $0.properties.generalCategory != .control }) else {
      throw failure("must be one line of 1 to \(limit) bytes.", mend: "Shorten it or take out line breaks.")
    }
    return text
  }

  func integer(in range: ClosedRange<Int>) throws -> Int {
    guard node.scalar != nil, node.tag == Tag(.int), let value = node.int, range.contains(value) else {
      throw failure("must be a whole number from \(range.lowerBound) to \(range.upperBound).", mend: "Write such a number, unquoted.")
    }
    return value
  }

  func number(in range: ClosedRange<Double>) throws -> Double {
    guard node.scalar != nil, node.tag == Tag(.int) || node.tag == Tag(.float), let value = node.float, range.contains(value) else {
      throw failure("must be a number from \(range.lowerBound) to \(range.upperBound).", mend: "Write such a number, unquoted.")
    }
    return value
  }

  /// One of an enumeration's raw values.
  func choice<Choice: RawRepresentable & CaseIterable>(_: Choice.Type) throws -> Choice where Choice.RawValue == String {
    let text = try string()
    guard let choice = Choice(rawValue: text) else {
      let choices = Choice.allCases.map { "“\($0.rawValue)”" }.joined(separator: ", ")
      throw failure("is “\(text.prefix(80))”, which it can't be.", mend: "Use one of \(choices).")
    }
    return choice
  }

  func identifier<Kind>(_: Kind.Type) throws -> Identifier<Kind> {
    let text = try string()
    do { return try Identifier<Kind>(text) } catch let error as RookeryError {
      throw failure("is “\(text.prefix(80))”, which is not a valid name.", mend: error.mend)
    }
  }

  /// The elements of a list.
  func elements(limit: Int = 1000) throws -> [YAMLValue] {
    guard let sequence = node.sequence else {
      throw failure("must be a list.", mend: "Write one “- value” a line, or [value, value].")
    }
    guard sequence.count <= limit else { throw failure("has more than \(limit) entries.", mend: "Make it shorter.") }
    return sequence.enumerated().map { YAMLValue(node: $1, path: "\(path)[\($0)]", document: document) }
  }

  /// The entries of a mapping whose keys are free.
  func entries(limit: Int = 1000) throws -> [(key: String, value: YAMLValue)] {
    guard let mapping = node.mapping else { throw failure("must be a mapping.", mend: "Write “key: value” lines under it.") }
    guard mapping.count <= limit else { throw failure("has more than \(limit) entries.", mend: "Make it shorter.") }
    return try mapping.map { key, value in
      guard let text = key.scalar?.string else {
        throw failure("has a key that is not a text.", mend: "Write “key: value” lines under it.")
      }
      return (text, YAMLValue(node: value, path: path.isEmpty ? text : "\(path).\(text)", document: document))
    }
  }

  /// A mapping whose keys are those of `Key` and no others.
  func section<Key: ConfigurationKey>(_: Key.Type) throws -> YAMLSection<Key> {
    var values: [String: YAMLValue] = [:]
    for (key, value) in try entries() {
      guard Key(rawValue: key) != nil else { throw unknown(key, at: value, known: Key.allCases.map(\.rawValue)) }
      values[key] = value
    }
    return YAMLSection(values: values, place: self)
  }

  private func unknown(_ key: String, at value: YAMLValue, known: [String]) -> RookeryError {
    // The key's own line, where the value begins on a later one.
    let line = node.mapping?.keys.first { $0.scalar?.string == key }?.mark?.line ?? value.line
    let mend =
      NearestText.nearest(to: key, in: known).map { "Did you mean “\($0)”?" }
      ?? "Known keys here: \(known.sorted().joined(separator: ", "))."
    return document.failure(line: line, String(value.path.prefix(200)), "is not a known key.", mend: mend)
  }
}

/// The keys of one section, by their names in the file.
protocol ConfigurationKey: RawRepresentable, CaseIterable, Hashable where RawValue == String {}

/// A mapping whose keys were checked.
struct YAMLSection<Key: ConfigurationKey> {
  fileprivate let values: [String: YAMLValue]
  /// The mapping itself, for complaints about what it lacks.
  let place: YAMLValue

  fileprivate init(values: [String: YAMLValue], place: YAMLValue) {
    self.values = values
    self.place = place
  }

  /// The value at `key`; nil when it is absent.
  subscript(_ key: Key) -> YAMLValue? { values[key.rawValue] }

  /// The value at `key`, which must be there.
  func required(_ key: Key) throws -> YAMLValue {
    guard let value = self[key] else {
      throw place.failure("lacks “\(key.rawValue)”.", mend: "Add it.")
    }
    return value
  }
}
