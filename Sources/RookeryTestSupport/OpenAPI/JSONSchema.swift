import Foundation
import RookeryModel

/// The part of JSON Schema that openapi.yaml uses. A keyword that isn't understood is a problem too, so that nothing passes unchecked.
struct JSONSchema: Sendable {
  /// `#/components/schemas/NAME` to its schema.
  let definitions: [String: JSONValue]

  /// What is wrong with `value`, each with its place; empty when it fits.
  func problems(_ value: JSONValue, _ schema: JSONValue, at place: String = "$") -> [String] {
    guard case .object(let keywords) = schema else { return ["\(place): the schema is no object"] }
    return keywords.sorted { $0.key < $1.key }.flatMap { keyword, argument in
      check(value, keyword, argument, in: keywords, at: place)
    }
  }

  private func check(
    _ value: JSONValue, _ keyword: String, _ argument: JSONValue, in schema: [String: JSONValue], at place: String
  ) -> [String] {
    switch keyword {
    case "description", "default", "contentEncoding", "title": return []
    case "$ref":
      guard let name = argument.string, let target = definitions[name] else { return ["\(place): unknown reference \(argument)"] }
      return problems(value, target, at: place)
    case "type": return checkType(value, argument, at: place)
    case "const": return value == argument ? [] : ["\(place): is \(brief(value)), not \(brief(argument))"]
    case "enum": return (argument.array ?? []).contains(value) ? [] : ["\(place): \(brief(value)) is not one of the listed values"]
    case "oneOf":
      let results = (argument.array ?? []).map { problems(value, $0, at: place) }
      let fitting = results.count { $0.isEmpty }
      return fitting == 1
        ? [] : ["\(place): fits \(fitting) of \(results.count) alternatives"] + (results.min { $0.count < $1.count } ?? [])
    case "properties", "required", "additionalProperties": return checkMember(value, keyword, argument, in: schema, at: place)
    case "items":
      return (value.array ?? []).enumerated().flatMap { problems($1, argument, at: "\(place)[\($0)]") }
    case "minLength", "maxLength", "pattern", "format": return checkText(value, keyword, argument, at: place)
    case "minimum", "maximum": return checkNumber(value, keyword, argument, at: place)
    default: return ["\(place): the schema's “\(keyword)” is not understood"]
    }
  }

  private func checkType(_ value: JSONValue, _ argument: JSONValue, at place: String) -> [String] {
    let names = argument.array?.compactMap(\.string) ?? [argument.string].compactMap { $0 }
    let fits = names.contains { name in
      switch (name, value) {
      case ("null", .null), ("boolean", .bool), ("integer", .integer), ("string", .string), ("array", .array), ("object", .object): true
      case ("number", .integer), ("number", .number): true
      default: false
      }
    }
    return fits ? [] : ["\(place): \(brief(value)) is not of type \(names.joined(separator: " or "))"]
  }

  private func checkMember(
    _ value: JSONValue, _ keyword: String, _ argument: JSONValue, in schema: [String: JSONValue], at place: String
  ) -> [String] {
    guard case .object(let members) = value else { return [] }
    switch (keyword, argument) {
    case ("properties", .object(let properties)):
      return properties.flatMap { name, schema in members[name].map { problems($0, schema, at: "\(place).\(name)") } ?? [] }
    case ("required", .array(let names)):
      return names.compactMap(\.string).filter { members[$0] == nil }.map { "\(place): “\($0)” is missing" }
    case ("additionalProperties", .bool(let allowed)):
      guard !allowed else { return [] }
      var known: Set<String> = []
      if case .object(let properties)? = schema["properties"] { known.formUnion(properties.keys) }
      return members.keys.filter { !known.contains($0) }.sorted().map { "\(place): “\($0)” is not described" }
    default: return ["\(place): the schema's “\(keyword)” is not understood"]
    }
  }

  private func checkText(_ value: JSONValue, _ keyword: String, _ argument: JSONValue, at place: String) -> [String] {
    guard let text = value.string else { return [] }
    let fits: Bool =
      switch (keyword, argument) {
      case ("minLength", .integer(let limit)): text.unicodeScalars.count >= limit
      case ("maxLength", .integer(let limit)): text.unicodeScalars.count <= limit
      case ("format", .string("date-time")): Timestamp.date(text) != nil && text.hasSuffix("Z")
      case ("pattern", .string(let pattern)): text.range(of: pattern, options: .regularExpression) != nil
      default: false
      }
    return fits ? [] : ["\(place): \(brief(value)) does not fit \(keyword) \(argument)"]
  }

  private func checkNumber(_ value: JSONValue, _ keyword: String, _ argument: JSONValue, at place: String) -> [String] {
    guard let number = Self.number(value) else { return [] }
    guard let limit = Self.number(argument) else { return ["\(place): the schema's \(keyword) is no number"] }
    return (keyword == "minimum" ? number >= limit : number <= limit) ? [] : ["\(place): \(number) is beyond the \(keyword) \(limit)"]
  }

  private static func number(_ value: JSONValue) -> Double? {
    switch value {
    case .integer(let number): Double(number)
    case .number(let number): number
    default: nil
    }
  }

  private func brief(_ value: JSONValue) -> String {
    let text = (try? JSON.encode(value)).map { String(decoding: $0, as: UTF8.self) } ?? "?"
    return String(text.prefix(80))
  }
}
