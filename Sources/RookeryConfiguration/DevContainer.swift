import Foundation
import RookeryModel

/// `.devcontainer/devcontainer.json` of a repository that has no environment file of ours: what can be honoured of it.
public struct DevContainer: Sendable, Equatable {
  public static let path = ".devcontainer/devcontainer.json"

  /// `postCreateCommand` as setup, `containerEnv` as variables, `forwardPorts` as ports.
  public var environment: EnvironmentFile
  /// Keys, and values of keys, that have no part in the image.
  public var ignored: [String]

  private static let limit = 256 << 10

  /// Reads the file's text, JSON with comments, which nobody vouches for. Throws `environmentInvalid`.
  public static func parse(json: String) throws -> DevContainer {
    guard json.utf8.count <= limit else { throw invalid("holds more than \(limit >> 10) KiB") }
    let bytes = CommentedJSON.plain(json)
    // What a decoder would follow without end.
    guard CommentedJSON.depth(bytes) <= 64 else { throw invalid("is nested more than 64 levels deep") }
    guard let value = try? JSONDecoder().decode(JSONValue.self, from: Data(bytes)), case .object(let members) = value else {
      throw invalid("is not a JSON object")
    }
    var file = EnvironmentFile()
    var ignored: [String] = []
    for (key, value) in members.sorted(by: { $0.key < $1.key }) {
      switch key {
      case "postCreateCommand": file.setup = try commands(value)
      case "containerEnv": file.env = try variables(value, &ignored)
      case "forwardPorts": file.ports = try ports(value, &ignored)
      case "name", "$schema": continue
      default: ignored.append(String(key.prefix(80)))
      }
    }
    return DevContainer(environment: file, ignored: ignored)
  }

  /// A text is a shell command, a list is a program with its arguments, an object holds several of either by name.
  private static func commands(_ value: JSONValue) throws -> [String] {
    switch value {
    case .string, .array: return try [command(value)]
    case .object(let named):
      guard named.count <= EnvironmentFile.Bounds.commands else { throw invalid("has too many commands in “postCreateCommand”") }
      return try named.sorted { $0.key < $1.key }.map { try command($0.value) }
    case .null: return []
    default: throw invalid("has a “postCreateCommand” that is not a command")
    }
  }

  private static func command(_ value: JSONValue) throws -> String {
    let text: String
    if let line = value.string {
      text = line
    } else if let words = value.array, !words.isEmpty, words.allSatisfy({ $0.string != nil }) {
      text = words.compactMap(\.string).map(quoted).joined(separator: " ")
    } else {
      throw invalid("has a “postCreateCommand” that is not a command")
    }
    guard !text.allSatisfy(\.isWhitespace), text.utf8.count <= EnvironmentFile.Bounds.commandBytes, !text.utf8.contains(0) else {
      throw invalid("has a “postCreateCommand” that is empty, too long or holds a NUL")
    }
    return text
  }

  private static func quoted(_ word: String) -> String { "'" + word.replacing("'", with: "'\\''") + "'" }

  private static func variables(_ value: JSONValue, _ ignored: inout [String]) throws -> [String: String] {
    guard case .object(let members) = value, members.count <= 1000 else { throw invalid("has a “containerEnv” that is not an object") }
    var variables: [String: String] = [:]
    for (name, value) in members.sorted(by: { $0.key < $1.key }) {
      // Variables of the machine where an editor runs have no meaning here.
      guard let text = value.string, !text.contains("${"), !text.utf8.contains(0), text.utf8.count <= 32 << 10,
        name.wholeMatch(of: /[A-Za-z_][A-Za-z0-9_]{0,254}/) != nil
      else {
        ignored.append("containerEnv.\(name.prefix(80))")
        continue
      }
      variables[name] = text
    }
    return variables
  }

  /// Numbers, or `localhost:NUMBER`; other hosts' ports can't be meant for a sandbox.
  private static func ports(_ value: JSONValue, _ ignored: inout [String]) throws -> [Int] {
    guard let entries = value.array, entries.count <= EnvironmentFile.Bounds.ports else {
      throw invalid("has a “forwardPorts” that is not a short list")
    }
    var ports: [Int] = []
    for entry in entries {
      let text = entry.string.map { $0.hasPrefix("localhost:") ? String($0.dropFirst("localhost:".count)) : $0 }
      if let port = entry.integer.map(Int.init) ?? text.flatMap({ Int($0) }), EnvironmentFile.Bounds.port.contains(port) {
        if !ports.contains(port) { ports.append(port) }
      } else {
        ignored.append("forwardPorts “\(String((entry.string ?? "?").prefix(80)))”")
      }
    }
    return ports
  }

  private static func invalid(_ what: String) -> RookeryError {
    RookeryError(
      .environmentInvalid, "\(path) \(what).", mend: "Mend it, or add “\(EnvironmentFile.path)”, which is read instead of it.")
  }
}

/// JSON with comments and commas behind the last element, as editors write it.
enum CommentedJSON {
  /// The same without either; line breaks stay.
  static func plain(_ text: String) -> [UInt8] {
    var result: [UInt8] = []
    var state = State.value
    let bytes = Array(text.utf8)
    var index = 0
    while index < bytes.count {
      let byte = bytes[index]
      let next = index + 1 < bytes.count ? bytes[index + 1] : 0
      switch state {
      case .string:
        result.append(byte)
        if byte == UInt8(ascii: "\\"), index + 1 < bytes.count {
          result.append(next)
          index += 1
        } else if byte == UInt8(ascii: "\"") {
          state = .value
        }
      case .line: if byte == 0x0a { (state, _) = (.value, result.append(byte)) }
      case .block:
        if byte == UInt8(ascii: "*"), next == UInt8(ascii: "/") { (state, index) = (.value, index + 1) }
      case .value:
        switch (byte, next) {
        case (UInt8(ascii: "/"), UInt8(ascii: "/")): state = .line
        case (UInt8(ascii: "/"), UInt8(ascii: "*")): (state, index) = (.block, index + 1)
        case (UInt8(ascii: "\""), _): (state, _) = (.string, result.append(byte))
        case (UInt8(ascii: "]"), _), (UInt8(ascii: "}"), _):
          dropLastComma(&result)
          result.append(byte)
        default: result.append(byte)
        }
      }
      index += 1
    }
    return result
  }

  /// How deep lists and objects lie in each other.
  static func depth(_ bytes: [UInt8]) -> Int {
    var depth = 0
    var deepest = 0
    var isString = false
    var isEscaped = false
    for byte in bytes {
      if isString {
        if isEscaped { isEscaped = false } else if byte == UInt8(ascii: "\\") { isEscaped = true } else if byte == 0x22 { isString = false }
        continue
      }
      switch byte {
      case 0x22: isString = true
      case UInt8(ascii: "["), UInt8(ascii: "{"): (depth, deepest) = (depth + 1, max(deepest, depth + 1))
      case UInt8(ascii: "]"), UInt8(ascii: "}"): depth -= 1
      default: break
      }
    }
    return deepest
  }

  private enum State { case value, string, line, block }

  private static func dropLastComma(_ bytes: inout [UInt8]) {
    guard let last = bytes.lastIndex(where: { ![0x20, 0x09, 0x0a, 0x0d].contains($0) }), bytes[last] == UInt8(ascii: ",") else { return }
    bytes.remove(at: last)
  }
}
