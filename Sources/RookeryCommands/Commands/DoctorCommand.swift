import ArgumentParser
import Foundation
import RookeryHost
import RookeryModel

/// `rookery doctor`
struct DoctorCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "doctor", abstract: "Look for what keeps Rookery from working; say how to mend it.",
    discussion: "Changes nothing. Exit code 1 when something must be mended.")

  @OptionGroup var data: DataOptions

  @Option(help: "Configuration file to check. (default: \(UpCommand.defaultConfiguration) where it exists)")
  var config: String?

  @OptionGroup var output: JSONOption

  func run() async throws {
    let terminal = Terminal()
    let findings = try await Examination(layout: data.layout(), configurationFile: config).findings()
    if output.json {
      try terminal.json(findings)
    } else {
      for finding in findings { terminal.line(FindingText.render(finding, terminal.output)) }
    }
    if findings.contains(where: { $0.status == .failure }) { throw ExitStatus.failed }
  }
}

/// A finding as people read it.
package enum FindingText {
  package static func render(_ finding: Finding, _ palette: Palette) -> String {
    let mark =
      switch finding.status {
      case .ok: palette.paint("✓", .green)
      case .warning: palette.paint("!", .yellow, .bold)
      case .failure: palette.paint("✗", .red, .bold)
      }
    let text = "\(mark) \(palette.paint(finding.name, .bold)): \(PrintableText.clean(finding.detail, oneLine: true))"
    return finding.mend.isEmpty ? text : "\(text)\n    \(PrintableText.clean(finding.mend, oneLine: true))"
  }
}
