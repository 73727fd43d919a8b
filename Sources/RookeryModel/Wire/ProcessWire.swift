import Foundation

/// A process to start in a sandbox, under an id that the caller chose: starting the same id again starts nothing.
public struct ProcessSpec: Sendable, Codable, Equatable {
  public enum Account: String, Sendable, Codable {
    /// Root inside (nobody outside), with the capabilities that package installs need: image setup.
    case root
    /// uid 1000, no capabilities: agents and everything that runs on their behalf.
    case agent
  }

  public var id: ProcessID
  /// The program is looked up in the sandbox's `PATH` unless it holds a slash.
  public var argv: [String]
  /// The whole environment.
  public var environment: [String: String]
  public var directory: String
  public var account: Account
  /// Whether stdin stays open for writes; otherwise it is `/dev/null`.
  public var input: Bool

  public init(
    id: ProcessID, argv: [String], environment: [String: String], directory: String, account: Account, input: Bool = false
  ) {
    self.id = id
    self.argv = argv
    self.environment = environment
    self.directory = directory
    self.account = account
    self.input = input
  }
}

/// What a process wrote, or that it ended. Offsets count bytes of that stream from 0.
public enum ProcessEvent: Sendable, Equatable {
  case output(OutputChunk.Stream, offset: UInt64, bytes: [UInt8])
  /// Comes once, after all output.
  case exited(ProcessExit)
}

public enum ProcessExit: Sendable, Codable, Equatable {
  case code(Int32)
  case signal(Int32)
  public var succeeded: Bool { self == .code(0) }
  public var text: String {
    switch self {
    case .code(let code): "exit \(code)"
    case .signal(let signal): "signal \(signal)"
    }
  }
}

/// How far each of a process's streams is known.
public struct StreamOffsets: Sendable, Codable, Equatable {
  public var stdout: UInt64
  public var stderr: UInt64
  public init(stdout: UInt64 = 0, stderr: UInt64 = 0) {
    self.stdout = stdout
    self.stderr = stderr
  }
  public subscript(stream: OutputChunk.Stream) -> UInt64 {
    get { stream == .stdout ? stdout : stderr }
    set { if stream == .stdout { stdout = newValue } else { stderr = newValue } }
  }
}

public enum ProcessSignal: Int32, Sendable, Codable { case interrupt = 2, kill = 9, terminate = 15 }
