import RookeryModel

/// Shows that a command really ran: it prints the product of two random numbers, of which the command holds only the factors.
struct RehearsalProof: Equatable {
  var factors: (Int, Int)

  static func == (left: Self, right: Self) -> Bool { left.factors == right.factors }

  static func random() -> RehearsalProof {
    RehearsalProof(factors: (Int.random(in: 100_000...999_999), Int.random(in: 100_000...999_999)))
  }

  private static let word = "rehearsal-proof"

  /// `command` in a subshell, followed by the proof, the status and the directory that it ran in.
  func wrap(_ command: String) -> String {
    let body = command.contains("\n") ? "(\n\(command)\n)" : "( \(command) )"
    return "\(body); s=$?; echo \"\(Self.word) $((\(factors.0) * \(factors.1))) status $s in $PWD\""
  }

  /// Finds the factors in what `wrap` made, however the agent stored it.
  init?(in command: String) {
    let pattern = #/rehearsal-proof \$\(\((\d{6}) \* (\d{6})\)\)/#
    guard let match = command.firstMatch(of: pattern), let first = Int(match.1), let second = Int(match.2) else { return nil }
    factors = (first, second)
  }

  private init(factors: (Int, Int)) { self.factors = factors }

  struct Outcome: Equatable {
    var status: Int
    var directory: String
  }

  /// What `result` proves; nil when it lacks the product.
  func outcome(in result: String) -> Outcome? {
    let pattern = #/rehearsal-proof (\d+) status (\d+) in ([^\r\n"]*)/#
    for match in result.matches(of: pattern) where Int(match.1) == factors.0 * factors.1 {
      return Outcome(status: Int(match.2) ?? -1, directory: String(match.3))
    }
    return nil
  }

  /// `text` as one word of a POSIX shell.
  static func quoted(_ text: String) -> String { "'" + text.replacing("'", with: #"'\''"#) + "'" }

  /// A command that succeeds exactly when the file at `path` holds `content`.
  static func check(path: String, content: String) -> String {
    let bytes = Array(content.utf8)
    return "[ \"$(cksum < \(quoted(path)))\" = '\(checksum(bytes)) \(bytes.count)' ]"
  }

  /// The checksum of POSIX `cksum`: CRC-32 of the bytes, followed by their count, least byte first.
  static func checksum(_ bytes: [UInt8]) -> UInt32 {
    var count = bytes.count
    var tail: [UInt8] = []
    while count > 0 {
      tail.append(UInt8(count & 0xFF))
      count >>= 8
    }
    var crc: UInt32 = 0
    for byte in bytes + tail {
      crc ^= UInt32(byte) << 24
      for _ in 0..<8 { crc = crc & 0x8000_0000 == 0 ? crc << 1 : (crc << 1) ^ 0x04C1_1DB7 }
    }
    return ~crc
  }
}
