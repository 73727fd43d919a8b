import ArgumentParser
import RookeryConfiguration
import RookeryHost
import RookeryModel

/// `rookery base`
struct BaseCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "base", abstract: "Root filesystems that sandboxes start from.", subcommands: [Make.self])

  struct Make: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Make a base from Debian's packages, unless it is there.",
      discussion: "It takes about a minute and 400 MB, once a machine. Needs root.")

    @Option(help: "Its name.")
    var name: BaseName = Configuration.defaultBase

    @Option(help: "The Debian release.")
    var suite = "bookworm"

    @OptionGroup var data: DataOptions

    func validate() throws {
      let isName = !suite.isEmpty && suite.utf8.allSatisfy { (0x61...0x7a).contains($0) || $0 == 0x2d }
      guard isName else { throw ValidationError("--suite must be the name of a Debian release.") }
    }

    func run() async throws {
      let maker = BaseMaker(cacheDirectory: try data.layout().cache, suite: suite)
      let progress = ProgressLine(Terminal())
      let name = name
      try await progress.step("base \(name)") { try await maker.make(name) { progress.update($0) } }
    }
  }
}
