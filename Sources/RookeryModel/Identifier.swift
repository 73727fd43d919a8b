import Foundation

/// A typed identifier: safe as a file, cgroup, branch and URL path component.
///
/// Its text is 1 to 64 characters of `a–z`, `0–9`, `-`, `_` and `.`, and starts with a letter or a digit.
public struct Identifier<Kind>: RawRepresentable, Hashable, Sendable, Codable, CustomStringConvertible, Comparable {
  public let rawValue: String

  /// Nil when `rawValue` is not of the form above.
  public init?(rawValue: String) {
    guard Self.isValid(rawValue) else { return nil }
    self.rawValue = rawValue
  }

  /// Throws `badRequest` with the reason when `text` is not of the form above.
  public init(_ text: String) throws {
    guard Self.isValid(text) else {
      throw RookeryError(
        .badRequest, "“\(text.prefix(80))” is not a valid name or id.",
        mend: "Use 1 to 64 of a–z, 0–9, “-”, “_” and “.”, starting with a letter or a digit.")
    }
    rawValue = text
  }

  /// A new id of 100 random bits behind `prefix`, in lower-case Crockford base 32.
  public static func random(prefix: String) -> Identifier {
    let alphabet = Array("0123456789abcdefghjkmnpqrstvwxyz")
    var generator = SystemRandomNumberGenerator()
    let body = (0..<20).map { _ in alphabet[Int.random(in: 0..<32, using: &generator)] }
    return Identifier(unchecked: prefix + String(body))
  }

  private init(unchecked: String) { rawValue = unchecked }

  private static func isValid(_ text: String) -> Bool {
    guard (1...64).contains(text.utf8.count), let first = text.utf8.first else { return false }
    func isAlphanumeric(_ byte: UInt8) -> Bool { (0x61...0x7a).contains(byte) || (0x30...0x39).contains(byte) }
    return isAlphanumeric(first)
      && text.utf8.allSatisfy { isAlphanumeric($0) || $0 == 0x2d || $0 == 0x5f || $0 == 0x2e }
      && !text.contains("..") && !text.hasSuffix(".lock")
  }

  public var description: String { rawValue }
  public static func < (left: Self, right: Self) -> Bool { left.rawValue < right.rawValue }

  public init(from decoder: any Decoder) throws {
    let text = try decoder.singleValueContainer().decode(String.self)
    do {
      try self.init(text)
    } catch {
      throw DecodingError.dataCorrupted(
        .init(codingPath: decoder.codingPath, debugDescription: "\(error)", underlyingError: error))
    }
  }

  public func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    try container.encode(rawValue)
  }
}

public enum SessionKind {}
public enum PromptKind {}
public enum SandboxKind {}
public enum ImageKind {}
public enum SnapshotKind {}
public enum RepositoryKind {}
public enum UserKind {}
public enum ProcessKind {}
public enum AgentKind {}
public enum ArtifactKind {}
public enum BaseKind {}

public typealias SessionID = Identifier<SessionKind>
public typealias PromptID = Identifier<PromptKind>
public typealias SandboxID = Identifier<SandboxKind>
public typealias ImageID = Identifier<ImageKind>
public typealias SnapshotID = Identifier<SnapshotKind>
/// A repository's short name in Rookery, chosen when it is added.
public typealias RepositoryName = Identifier<RepositoryKind>
public typealias UserID = Identifier<UserKind>
/// Chosen by whoever starts the process; starting the same id twice starts one process.
public typealias ProcessID = Identifier<ProcessKind>
public typealias AgentName = Identifier<AgentKind>
public typealias ArtifactID = Identifier<ArtifactKind>
public typealias BaseName = Identifier<BaseKind>
