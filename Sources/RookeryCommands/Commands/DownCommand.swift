import ArgumentParser
import Foundation
import Glibc
import RookeryModel

/// `rookery down`
struct DownCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "down", abstract: "End everything: sandboxes (sessions keep their files), then all processes. Needs root.")

  @OptionGroup var data: DataOptions

  func run() async throws {
    guard geteuid() == 0 else {
      throw RookeryError(.hostUnsupported, "“rookery down” needs root.", mend: "Run: sudo rookery down")
    }
    let terminal = Terminal()
    let layout = try data.layout()
    guard let failures = try await Shutdown(layout: layout, progress: ProgressLine(terminal)).run() else {
      return terminal.note("Nothing runs for \(layout.data).")
    }
    for failure in failures { terminal.note("! \(PrintableText.clean(failure))") }
    if !failures.isEmpty { throw ExitStatus.failed }
  }
}
