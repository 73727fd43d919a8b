import Glibc
import RookeryModel
import RookeryRunner

/// The text of an errno.
enum SystemError {
  static func text(_ error: Int32) -> String { strerror(error).map { String(cString: $0) } ?? "error \(error)" }
}

extension RunnerFailure {
  /// What people are told when a program can't be started.
  func error(starting process: ProcessSpec) -> RookeryError {
    guard case .launch(let step, let number) = self else { return error(process.id) }
    let reason = "\(step.name): \(SystemError.text(number))"
    switch step {
    case .execute:
      return RookeryError(
        .agentFailed, "The program “\(process.program)” could not be started (\(reason)).",
        mend: "Check that it is installed in the image, executable, and on its PATH.", context: "process \(process.id)")
    case .directory:
      return RookeryError(
        .agentFailed, "“\(process.program)” could not be started in “\(process.directory)” (\(reason)).",
        mend: "Check that the directory is there and open to the account.", context: "process \(process.id)")
    default:
      return RookeryError(
        .agentFailed, "The program “\(process.program)” could not be started (\(reason)).", mend: "Look at the sandbox's limits.",
        context: "process \(process.id)")
    }
  }

  func error(_ process: ProcessID?) -> RookeryError {
    let name = process.map { "The process \($0)" } ?? "The process"
    switch self {
    case .badRequest: return RookeryError(.badRequest, "The sandbox's runner refused a malformed request.", context: name)
    case .version(let version):
      return RookeryError(
        .sandboxFailed, "The sandbox's runner speaks another version of its protocol.",
        mend: "End this sandbox and start a new one after an upgrade.", context: "runner: \(version), ours: \(RunnerProtocol.version)")
    case .unknownProcess: return RookeryError(.notFound, "\(name) was never started.")
    case .launch(let step, let number):
      return RookeryError(.agentFailed, "\(name) could not be started (\(step.name): \(SystemError.text(number))).")
    case .exited: return RookeryError(.conflict, "\(name) has ended.")
    case .inputClosed: return RookeryError(.conflict, "\(name) takes no more input.")
    case .inputGap(let accepted):
      return RookeryError(.conflict, "Input to a process would leave a gap.", context: "\(name) accepted \(accepted) bytes")
    case .forgotten: return RookeryError(.conflict, "That output of a process was stored and is no longer in the sandbox.", context: name)
    case .beyondEnd: return RookeryError(.conflict, "A process has not written as much as was asked for.", context: name)
    case .limit:
      return RookeryError(.limitHit, "The sandbox runs or ran too many processes.", mend: "Start a new sandbox.", context: name)
    case .system(let number): return RookeryError(.sandboxFailed, "The sandbox's runner failed.", context: SystemError.text(number))
    }
  }
}

extension ProcessExit {
  init(_ status: ExitStatus) {
    switch status {
    case .code(let code): self = .code(code)
    case .signal(let signal): self = .signal(signal)
    }
  }
}

extension ProcessSpec {
  var program: String { argv.first ?? "" }

  var launch: LaunchRequest {
    LaunchRequest(
      process: id.rawValue, arguments: argv.map { Array($0.utf8) },
      environment: environment.sorted { $0.key < $1.key }.map { Array("\($0.key)=\($0.value)".utf8) },
      directory: Array(directory.utf8), account: account == .root ? .root : .agent, input: input)
  }
}
