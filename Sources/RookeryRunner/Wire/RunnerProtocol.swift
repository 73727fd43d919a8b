/// Numbers that both ends of the runner's protocol share (docs/runner-protocol.md).
package enum RunnerProtocol {
  package static let version: UInt16 = 1
  /// The most bytes of a frame, without its length.
  package static let largestFrame = 1 << 20
  /// The most output in one frame.
  package static let largestOutput = 1 << 16
  /// How much a client puts into one write.
  package static let largestWrite = 1 << 18
}

package enum OutputStream: UInt8, Sendable, CaseIterable {
  case stdout = 1
  case stderr = 2
}

/// One number for each of a process's output streams.
package struct OutputOffsets: Sendable, Equatable {
  package var stdout: UInt64
  package var stderr: UInt64

  package init(stdout: UInt64 = 0, stderr: UInt64 = 0) {
    self.stdout = stdout
    self.stderr = stderr
  }

  package subscript(stream: OutputStream) -> UInt64 {
    get { stream == .stdout ? stdout : stderr }
    set { if stream == .stdout { stdout = newValue } else { stderr = newValue } }
  }
}

/// How a process ended.
package enum ExitStatus: Sendable, Equatable {
  case code(Int32)
  case signal(Int32)

  /// From what `waitpid` stored.
  package init(waitStatus status: Int32) {
    let signal = status & 0x7f
    self = signal == 0 ? .code((status >> 8) & 0xff) : .signal(signal)
  }
}

/// The id of a process: safe as a part of a file name.
package enum ProcessName {
  /// 1 to 64 of `a–z`, `0–9`, `-`, `_` and `.`, starting with a letter or a digit, without `..`.
  package static func isValid(_ text: some StringProtocol) -> Bool {
    guard (1...64).contains(text.utf8.count), let first = text.utf8.first, isAlphanumeric(first) else { return false }
    var previous: UInt8 = 0
    for byte in text.utf8 {
      guard isAlphanumeric(byte) || byte == 0x2d || byte == 0x5f || byte == 0x2e else { return false }
      if byte == 0x2e, previous == 0x2e { return false }
      previous = byte
    }
    return true
  }

  private static func isAlphanumeric(_ byte: UInt8) -> Bool { (0x61...0x7a).contains(byte) || (0x30...0x39).contains(byte) }
}
