/// What to start, as it travels.
package struct LaunchRequest: Sendable, Equatable {
  package enum Account: UInt8, Sendable, CaseIterable {
    case root = 0
    case agent = 1
  }

  package var process: String
  package var arguments: [[UInt8]]
  /// `NAME=value`, the whole environment.
  package var environment: [[UInt8]]
  package var directory: [UInt8]
  package var account: Account
  /// Whether stdin is a pipe that takes writes; else it is `/dev/null`.
  package var input: Bool

  package init(
    process: String, arguments: [[UInt8]], environment: [[UInt8]], directory: [UInt8], account: Account, input: Bool
  ) {
    self.process = process
    self.arguments = arguments
    self.environment = environment
    self.directory = directory
    self.account = account
    self.input = input
  }

  /// Whether every string can be given to the kernel and there is a program to run.
  package var isValid: Bool {
    ProcessName.isValid(process) && !(arguments.first ?? []).isEmpty && !directory.isEmpty && !directory.contains(0)
      && arguments.allSatisfy { !$0.contains(0) } && environment.allSatisfy { !$0.contains(0) && $0.dropFirst().contains(0x3d) }
  }

  func encode(to writer: inout ByteWriter) {
    writer.text(process)
    writer.number(account.rawValue)
    writer.number(UInt8(input ? 1 : 0))
    writer.string(directory)
    for list in [arguments, environment] {
      writer.number(UInt32(truncatingIfNeeded: list.count))
      for item in list { writer.string(item) }
    }
  }

  init(from reader: inout ByteReader) throws(FrameError) {
    process = try reader.text(limit: 64)
    guard let account = Account(rawValue: try reader.number()) else { throw .unknownValue }
    self.account = account
    input = try reader.number(UInt8.self) != 0
    directory = try reader.string()
    arguments = try reader.strings()
    environment = try reader.strings()
  }
}
