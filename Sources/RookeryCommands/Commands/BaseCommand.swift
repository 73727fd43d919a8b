import ArgumentParser
import Foundation
import RookeryConfiguration
import RookeryHost
import RookeryModel

/// `rookery base`
struct BaseCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "base", abstract: "Root filesystems that sandboxes start from.",
    subcommands: [Make.self, Add.self, List.self, Remove.self])

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

  struct Add: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Add a base that was made elsewhere.",
      discussion: """
        It must hold a shell, git, find, install and ca-certificates; the account “agent” (uid 1000) is added where it lacks one. Its \
        files are copied. Needs root.
        """)

    @Argument(help: "Its name.")
    var name: BaseName

    @Option(help: "A directory that holds a root filesystem.", completion: .directory)
    var fromDirectory: String?

    @Option(help: "An OCI image: a layout on disk (DIR or DIR:TAG), or docker://HOST/NAME:TAG, which skopeo fetches.")
    var fromOci: String?

    @OptionGroup var data: DataOptions

    func validate() throws {
      guard (fromDirectory == nil) != (fromOci == nil) else { throw ValidationError("Give either --from-directory or --from-oci.") }
    }

    func run() async throws {
      let adder = BaseImport(cacheDirectory: try data.layout().cache)
      let source: BaseImport.Source =
        fromDirectory.map { .directory(URL(fileURLWithPath: $0).standardizedFileURL.path) } ?? BaseImport.Source(oci: fromOci ?? "")
      let progress = ProgressLine(Terminal())
      let name = name
      try await progress.step("base \(name)") { try await adder.add(name, from: source) { progress.update($0) } }
    }
  }

  struct List: AsyncParsableCommand {
    static let configuration = CommandConfiguration(abstract: "List bases.")

    @OptionGroup var data: DataOptions
    @OptionGroup var output: JSONOption

    func run() async throws {
      let terminal = Terminal()
      let bases = try BaseImport(cacheDirectory: try data.layout().cache).list()
      if output.json { return try terminal.json(bases) }
      guard !bases.isEmpty else { return terminal.note("No bases yet. Make one with “rookery base make”.") }
      var table = Table("NAME", "MADE OF", "AGE")
      for base in bases { table.add(base.name.rawValue, base.origin ?? "unknown", Quantity.ago(base.created)) }
      terminal.line(table.text(terminal.output))
    }
  }

  struct Remove: AsyncParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Remove a base that nothing stands on. Needs root.")

    @Argument(help: "Its name.")
    var name: BaseName

    @OptionGroup var data: DataOptions

    func run() async throws {
      let layout = try data.layout()
      try await BaseImport(cacheDirectory: layout.cache).remove(name, dataDirectory: layout.host)
    }
  }
}
