import Foundation
import RookeryModel
import Yams

/// One YAML text that is read strictly: every complaint names the file, the line and the key.
struct YAMLDocument {
  /// What people know the text by: a path.
  let name: String
  let code: ErrorCode

  /// Bytes of one text, at most.
  static let sizeLimit = 256 << 10
  /// Aliases multiply what they stand for, and texts come from repositories that nobody vouches for.
  private static let aliasLimit = 16

  /// The whole text as one value; nil when it holds nothing but comments.
  func root(of text: String) throws -> YAMLValue? {
    guard text.utf8.count <= Self.sizeLimit else {
      throw failure(line: nil, "", "holds more than \(Self.sizeLimit >> 10) KiB.", mend: "Make it smaller.")
    }
    guard !Self.hasManyAliases(text) else {
      throw failure(line: nil, "", "uses more than \(Self.aliasLimit) YAML aliases.", mend: "Write the values out.")
    }
    do {
      // libyaml refuses nesting beyond 1,000 levels, so composing can't exhaust the stack.
      guard let node = try Yams.compose(yaml: text) else { return nil }
      if node.scalar != nil, node.tag == Tag(.null) { return nil }
      return YAMLValue(node: node, path: "", document: self)
    } catch let error as YamlError {
      throw syntaxFailure(error)
    }
  }

  /// `file:line: key: what is wrong`.
  func failure(line: Int?, _ path: String, _ problem: String, mend: String) -> RookeryError {
    let place = line.map { "\(name):\($0)" } ?? name
    return RookeryError(code, path.isEmpty ? "\(place): The file \(problem)" : "\(place): \(path) \(problem)", mend: mend)
  }

  private func syntaxFailure(_ error: YamlError) -> RookeryError {
    let mend = "Mend the YAML there; quote texts that hold special characters."
    switch error {
    case .scanner(_, let problem, let mark, _), .parser(_, let problem, let mark, _), .composer(_, let problem, let mark, _):
      return failure(line: mark.line, "", "is not valid YAML: \(problem).", mend: mend)
    case .duplicatedKeysInMapping(let keys, let context):
      return failure(
        line: context.mark.line, "", "has a key twice: \(keys.map { "“\($0)”" }.joined(separator: ", ")).", mend: "Keep one of them.")
    default:
      return RookeryError(code, "\(name): The file is not valid YAML.", mend: mend, context: "\(error)")
    }
  }

  /// Counts what may be aliases in a text that has what may be an anchor; a guess to the safe side.
  private static func hasManyAliases(_ text: String) -> Bool {
    var anchors = 0
    var aliases = 0
    var previous: UInt8 = 0x0a
    var sign: UInt8 = 0
    for byte in text.utf8 {
      let isName = (0x30...0x39).contains(byte) || (0x41...0x5a).contains(byte) || (0x61...0x7a).contains(byte) || byte == 0x5f
      if isName || byte == 0x2d {
        if sign == 0x26 { anchors += 1 }
        if sign == 0x2a { aliases += 1 }
      }
      // An anchor or alias begins a value: behind a space, a line break, or a bracket or comma of a flow collection.
      let begins = previous <= 0x20 || [0x5b, 0x7b, 0x2c].contains(previous)
      sign = begins && (byte == 0x26 || byte == 0x2a) ? byte : 0
      previous = byte
    }
    return anchors > 0 && aliases > aliasLimit
  }
}
