import ArgumentParser
import Foundation
import RookeryModel

/// The program's entry: parses, runs, and turns failures into a message and an exit code.
public enum CommandLineTool {
  /// Runs the command line of this process; returns its exit code.
  public static func run() async -> Int32 {
    let arguments = Array(CommandLine.arguments.dropFirst())
    return await run(arguments, terminal: Terminal()).rawValue
  }

  package static func run(_ arguments: [String], terminal: Terminal) async -> ExitStatus {
    do {
      var command = try RookeryCommand.parseAsRoot(arguments)
      if var command = command as? any AsyncParsableCommand {
        try await command.run()
      } else {
        try command.run()
      }
      return .success
    } catch let status as ExitStatus {
      return status
    } catch let error as RookeryError {
      report(error, terminal)
      return ExitStatus(error)
    } catch is CancellationError {
      return .detached
    } catch {
      let message = RookeryCommand.fullMessage(for: error)
      // Help that was asked for is an answer, not a failure.
      guard RookeryCommand.exitCode(for: error) != .success else {
        if !message.isEmpty { terminal.line(message) }
        return .success
      }
      terminal.note(message)
      return .usage
    }
  }

  /// `error:` the cause, and on a line of its own the mend.
  static func report(_ error: RookeryError, _ terminal: Terminal) {
    terminal.note(terminal.diagnostics.paint("error: ", .red, .bold) + PrintableText.clean(error.message))
    if !error.mend.isEmpty { terminal.note(PrintableText.clean(error.mend)) }
    if ProcessInfo.processInfo.environment["ROOKERY_LOG_LEVEL"] == "debug", !error.context.isEmpty {
      terminal.note(terminal.diagnostics.paint(PrintableText.clean(error.context), .dim))
    }
  }
}
