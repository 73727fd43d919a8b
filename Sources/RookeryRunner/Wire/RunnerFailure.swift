/// Why the runner did not do what a request asked.
package enum RunnerFailure: Error, Sendable, Equatable {
  case badRequest
  case version(UInt16)
  case unknownProcess
  /// The program could not be started: which step failed, and its errno.
  case launch(LaunchStep, error: Int32)
  /// The process is gone.
  case exited
  /// stdin was closed, by a request or by the process, or never opened.
  case inputClosed
  /// The write starts beyond what was accepted, which ends at `accepted`.
  case inputGap(accepted: UInt64)
  /// Output at the offsets asked for was acknowledged, and is gone.
  case forgotten
  /// The offset is beyond what the process wrote.
  case beyondEnd
  /// Too many processes, attachments or waiting writes.
  case limit
  case system(error: Int32)

  private var code: UInt8 {
    switch self {
    case .badRequest: 1
    case .version: 2
    case .unknownProcess: 3
    case .launch: 4
    case .exited: 5
    case .inputClosed: 6
    case .inputGap: 7
    case .forgotten: 8
    case .beyondEnd: 9
    case .limit: 10
    case .system: 11
    }
  }

  func encode(to writer: inout ByteWriter) {
    writer.number(code)
    switch self {
    case .version(let version): writer.number(version)
    case .launch(let step, let error):
      writer.number(step.rawValue)
      writer.number(error)
    case .inputGap(let accepted): writer.number(accepted)
    case .system(let error): writer.number(error)
    case .badRequest, .unknownProcess, .exited, .inputClosed, .forgotten, .beyondEnd, .limit: break
    }
  }

  init(from reader: inout ByteReader) throws(FrameError) {
    switch try reader.number(UInt8.self) {
    case 1: self = .badRequest
    case 2: self = .version(try reader.number())
    case 3: self = .unknownProcess
    case 4:
      guard let step = LaunchStep(rawValue: try reader.number()) else { throw .unknownValue }
      self = .launch(step, error: try reader.number())
    case 5: self = .exited
    case 6: self = .inputClosed
    case 7: self = .inputGap(accepted: try reader.number())
    case 8: self = .forgotten
    case 9: self = .beyondEnd
    case 10: self = .limit
    case 11: self = .system(error: try reader.number())
    default: throw .unknownValue
    }
  }
}

/// A step of starting a process, in the order in which they happen. The numbers of the first thirteen are `enum cs_spawn_step`'s.
package enum LaunchStep: UInt8, Sendable, CaseIterable {
  case reportPipe = 1
  case fork, session, standardStreams, limits, groups, group, user, capabilities, privileges, directory, execute, timeout
  case outputPipe = 32
  case nullDevice = 33

  /// The system call, or what stands for several.
  package var name: String {
    switch self {
    case .reportPipe, .outputPipe: "pipe2"
    case .fork: "fork"
    case .session: "setsid"
    case .standardStreams: "dup2"
    case .limits: "setrlimit"
    case .groups: "setgroups"
    case .group: "setresgid"
    case .user: "setresuid"
    case .capabilities: "capset"
    case .privileges: "prctl(PR_SET_NO_NEW_PRIVS)"
    case .directory: "chdir"
    case .execute: "execve"
    case .timeout: "wait for execve"
    case .nullDevice: "open(/dev/null)"
    }
  }
}
