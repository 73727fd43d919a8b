/// A host's name in its one canonical spelling: lower case, ASCII, no dot at its end, and nothing that could be read as an address.
public struct HostName: Sendable, Hashable, Codable, CustomStringConvertible {
  public let text: String

  /// Nil for what is not a host's name: addresses in any spelling (`127.0.0.1`, `2130706433`, `0x7f.1`, `[::1]`) above all.
  public init?(_ spelling: String) {
    var name = spelling
    if name.hasSuffix(".") { name.removeLast() }
    guard (1...253).contains(name.utf8.count) else { return nil }
    name = String(decoding: name.utf8.map { (0x41...0x5a).contains($0) ? $0 | 0x20 : $0 }, as: UTF8.self)
    let labels = name.split(separator: ".", omittingEmptySubsequences: false)
    guard labels.allSatisfy(Self.isLabel), let last = labels.last, !Self.isNumber(last) else { return nil }
    text = name
  }

  public var description: String { text }

  public init(from decoder: any Decoder) throws {
    let spelling = try decoder.singleValueContainer().decode(String.self)
    guard let name = HostName(spelling), name.text == spelling else {
      throw DecodingError.dataCorrupted(.init(codingPath: decoder.codingPath, debugDescription: "not a canonical host name"))
    }
    self = name
  }

  public func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    try container.encode(text)
  }

  private static func isLabel(_ label: Substring) -> Bool {
    (1...63).contains(label.utf8.count) && !label.hasPrefix("-") && !label.hasSuffix("-")
      && label.utf8.allSatisfy { (0x61...0x7a).contains($0) || (0x30...0x39).contains($0) || $0 == 0x2d || $0 == 0x5f }
  }

  /// Whether address parsers (inet_aton(3), the URL standard) would take a name that ends so for an IPv4 address.
  private static func isNumber(_ label: Substring) -> Bool {
    if label.utf8.allSatisfy({ (0x30...0x39).contains($0) }) { return true }
    return label.hasPrefix("0x") && label.dropFirst(2).utf8.allSatisfy { (0x30...0x39).contains($0) || (0x61...0x66).contains($0) }
  }
}
