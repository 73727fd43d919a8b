import Foundation

/// On the wire as in ACP: a `type` beside what it holds.
extension ToolContent {
  private enum CodingKeys: String, CodingKey { case type, text, path, old, new }
  private enum Kind: String, Codable { case text, diff }

  public init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: CodingKeys.self)
    switch try container.decode(Kind.self, forKey: .type) {
    case .text: self = .text(try container.decode(String.self, forKey: .text))
    case .diff:
      self = .diff(
        path: try container.decode(String.self, forKey: .path), old: try container.decodeIfPresent(String.self, forKey: .old),
        new: try container.decode(String.self, forKey: .new))
    }
  }

  public func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: CodingKeys.self)
    switch self {
    case .text(let text):
      try container.encode(Kind.text, forKey: .type)
      try container.encode(text, forKey: .text)
    case .diff(let path, let old, let new):
      try container.encode(Kind.diff, forKey: .type)
      try container.encode(path, forKey: .path)
      try container.encodeIfPresent(old, forKey: .old)
      try container.encode(new, forKey: .new)
    }
  }
}
