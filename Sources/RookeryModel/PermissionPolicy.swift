import Foundation

/// What becomes of a permission that an agent asks for: the first rule that fits decides.
///
/// The sandbox is the boundary, whatever is answered here: agents may do things without asking.
public struct PermissionPolicy: Sendable, Codable, Equatable {
  public enum Answer: String, Sendable, Codable, CaseIterable {
    case allow
    /// The session's participants are asked.
    case ask
    case deny
  }

  /// Texts may hold `*` (anything) and `?` (one character); case does not matter. What is absent fits everything.
  public struct Rule: Sendable, Codable, Equatable {
    /// The tool's title, as the agent words it.
    public var tool: String?
    /// ACP's kind of tool: `execute`, `edit`, `fetch`…
    public var kind: String?
    /// The command, or the file, that the tool is about.
    public var about: String?
    public var answer: Answer
    public init(tool: String? = nil, kind: String? = nil, about: String? = nil, answer: Answer) {
      self.tool = tool
      self.kind = kind
      self.about = about
      self.answer = answer
    }
  }

  public var rules: [Rule]
  /// Where no rule fits.
  public var otherwise: Answer

  public init(rules: [Rule] = [], otherwise: Answer = .allow) {
    self.rules = rules
    self.otherwise = otherwise
  }

  public func answer(tool: String, kind: String, about: String) -> Answer {
    func fits(_ pattern: String?, _ text: String) -> Bool { pattern.map { TextPattern($0).matches(text) } ?? true }
    return rules.first { fits($0.tool, tool) && fits($0.kind, kind) && fits($0.about, about) }?.answer ?? otherwise
  }
}

/// A text with `*` and `?`, compared without regard to case.
public struct TextPattern: Sendable {
  private let pattern: [UInt8]

  public init(_ pattern: String) { self.pattern = Array(pattern.lowercased().utf8) }

  /// Takes time in proportion to the product of the lengths at worst, whatever the pattern.
  public func matches(_ text: String) -> Bool {
    let text = Array(text.lowercased().utf8)
    var (place, index) = (0, 0)
    var star: (pattern: Int, text: Int)?
    while index < text.count {
      if place < pattern.count, pattern[place] == UInt8(ascii: "*") {
        star = (place, index)
        place += 1
      } else if place < pattern.count, pattern[place] == text[index] || pattern[place] == UInt8(ascii: "?") {
        place += 1
        index += 1
      } else if let (after, begun) = star {
        star = (after, begun + 1)
        place = after + 1
        index = begun + 1
      } else {
        return false
      }
    }
    while place < pattern.count, pattern[place] == UInt8(ascii: "*") { place += 1 }
    return place == pattern.count
  }
}
