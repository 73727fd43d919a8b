/// The start of a push (gitprotocol-pack(5), "Reference Update Request and Packfile Transfer"), read strictly: what this accepts,
/// `git receive-pack` reads in the same way.
struct PushCommands: Equatable, Sendable {
  struct Command: Equatable, Sendable {
    var old: String
    var new: String
    /// As sent; not always valid UTF-8, hence bytes.
    var ref: [UInt8]

    var isDelete: Bool { new.utf8.allSatisfy { $0 == 0x30 } }
    /// For our log: bounded, without control characters.
    var refText: String { String(decoding: ref.prefix(200), as: UTF8.self).printable }
  }

  enum Failure: Error, Equatable {
    case malformed(String)
    case tooLong
  }

  private(set) var commands: [Command] = []
  private(set) var capabilities: Set<String> = []
  /// Whether a signed push certificate was sent in place of commands.
  private(set) var hasCertificate = false

  fileprivate mutating func read(line: ArraySlice<UInt8>) throws(Failure) {
    if line.starts(with: "push-cert".utf8) {
      hasCertificate = true
      return
    }
    // What a certificate holds is not read: such a push is refused as a whole.
    if hasCertificate { return }
    if line.starts(with: "shallow ".utf8) {
      let id = Self.chomped(line.dropFirst(8))
      guard Self.isObjectID(id) else { throw .malformed("a shallow line without an object id") }
      return
    }
    // As in git: one newline at the line's very end doesn't count, any other does.
    let line = Self.chomped(line)
    let end = line.firstIndex(of: 0) ?? line.endIndex
    let command = line[..<end]
    let parts = command.split(separator: 0x20, maxSplits: 2, omittingEmptySubsequences: false)
    guard parts.count == 3, Self.isObjectID(parts[0]), Self.isObjectID(parts[1]), parts[0].count == parts[1].count,
      !parts[2].isEmpty
    else { throw .malformed("a line that is no command") }
    if end < line.endIndex {
      // Git reads capabilities behind any command; only the first may have them here.
      guard commands.isEmpty else { throw .malformed("capabilities behind a later command") }
      let words = line[(end + 1)...].split(separator: 0x20)
      guard !words.joined().contains(0) else { throw .malformed("capabilities with a zero byte") }
      capabilities = Set(words.map { String(decoding: $0, as: UTF8.self) })
    }
    commands.append(
      Command(
        old: String(decoding: parts[0], as: UTF8.self), new: String(decoding: parts[1], as: UTF8.self), ref: Array(parts[2])))
  }

  private static func chomped(_ line: ArraySlice<UInt8>) -> ArraySlice<UInt8> { line.last == 0x0a ? line.dropLast() : line }

  /// 40 (SHA-1) or 64 (SHA-256) lower-case hexadecimal digits.
  private static func isObjectID(_ text: ArraySlice<UInt8>) -> Bool {
    (text.count == 40 || text.count == 64) && text.allSatisfy { (0x30...0x39).contains($0) || (0x61...0x66).contains($0) }
  }
}

/// Reads the lines of a push up to the first flush, from pieces of any size.
struct PushCommandReader {
  /// Everything that was fed.
  private(set) var bytes: [UInt8] = []
  private let limit: Int
  private var position = 0
  private var result = PushCommands()

  /// - Parameter limit: Bytes within which the flush must come.
  init(limit: Int) { self.limit = limit }

  /// - Returns: The commands once the flush is there; what follows it is in `bytes`, too.
  mutating func feed(_ piece: [UInt8]) throws(PushCommands.Failure) -> PushCommands? {
    bytes += piece
    while bytes.count - position >= 4 {
      guard let length = PktLine.length(bytes[position..<position + 4]) else { throw .malformed("a line without a length") }
      if length == 0 { return result }
      guard length > 4, length <= PktLine.limit else { throw .malformed("a line of a special or impossible length") }
      guard position + length <= limit else { throw .tooLong }
      guard position + length <= bytes.count else { return nil }
      try result.read(line: bytes[position + 4..<position + length])
      position += length
    }
    return nil
  }
}
