/// What an allow-list holds: `name`, or `*.name` for exactly the names below it, either with `:port`.
public struct HostPattern: Sendable, Hashable, Codable, CustomStringConvertible {
  /// The ports that a pattern without one means.
  public static let ordinaryPorts = [80, 443]

  public let name: HostName
  /// Whether it means the names below `name`, at any depth, and not `name` itself.
  public let isWildcard: Bool
  /// Nil: 80 and 443.
  public let port: Int?

  public init(name: HostName, isWildcard: Bool = false, port: Int? = nil) {
    self.name = name
    self.isWildcard = isWildcard
    self.port = port
  }

  /// Nil for anything else than the forms above. A wildcard names a domain of at least two labels: `*.com` is refused.
  public init?(_ text: String) {
    var rest = text[...]
    var port: Int?
    if let colon = rest.lastIndex(of: ":") {
      let digits = rest[rest.index(after: colon)...]
      guard (1...5).contains(digits.utf8.count), digits.utf8.allSatisfy({ (0x30...0x39).contains($0) }), let number = Int(digits),
        (1...65535).contains(number)
      else { return nil }
      port = number
      rest = rest[..<colon]
    }
    let isWildcard = rest.hasPrefix("*.")
    if isWildcard { rest = rest.dropFirst(2) }
    guard let name = HostName(String(rest)), !isWildcard || name.text.contains(".") else { return nil }
    self.init(name: name, isWildcard: isWildcard, port: port)
  }

  public func matches(_ name: HostName) -> Bool {
    isWildcard ? name.text.hasSuffix(".\(self.name.text)") : name == self.name
  }

  public func matches(_ name: HostName, port: Int) -> Bool {
    matches(name) && (self.port.map { $0 == port } ?? Self.ordinaryPorts.contains(port))
  }

  /// Whether everything that `other` means is meant by this one, too.
  public func covers(_ other: HostPattern) -> Bool {
    let coversNames = other.isWildcard ? isWildcard && (name == other.name || matches(other.name)) : matches(other.name)
    return coversNames && (port == other.port || (port == nil && other.port.map(Self.ordinaryPorts.contains) == true))
  }

  public var description: String { "\(isWildcard ? "*." : "")\(name)\(port.map { ":\($0)" } ?? "")" }

  public init(from decoder: any Decoder) throws {
    let text = try decoder.singleValueContainer().decode(String.self)
    guard let pattern = HostPattern(text) else {
      throw DecodingError.dataCorrupted(.init(codingPath: decoder.codingPath, debugDescription: "not a pattern of hosts"))
    }
    self = pattern
  }

  public func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    try container.encode(description)
  }
}
