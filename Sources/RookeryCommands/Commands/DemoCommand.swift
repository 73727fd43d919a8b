import ArgumentParser
import Foundation
import Glibc
import RookeryModel

/// `rookery demo`
struct DemoCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "demo", abstract: "See a prompt become a pushed branch, with everything real but the model. Needs root.",
    discussion: """
      Runs in a data directory of its own, against a git server of its own. With a model configured (ROOKERY_MODEL_URL, \
      ROOKERY_MODEL_KEY and ROOKERY_MODEL; ANTHROPIC_API_KEY; or OPENAI_API_KEY) that one is used, else one that plays written steps.
      """)

  @Flag(help: "Keep it running afterwards, until Ctrl-C.")
  var keep = false

  @Option(help: "The prompt. (default: to write an overview of the repository)")
  var prompt: String?

  @Option(help: ArgumentHelp("Who the work is by.", valueName: "\"Name <mail>\""))
  var author: NamedPerson?

  @Option(help: "The git repository to work on a copy of. (default: the current directory's, else a small one that is made)")
  var repository: String?

  @Option(help: "Host-wide cache of bases and agents. (default: $ROOKERY_CACHE, else \(DataLayout.defaultCache))")
  var cache: String?

  func run() async throws {
    guard geteuid() == 0 else {
      throw RookeryError(
        .hostUnsupported, "The demo needs root: it starts real sandboxes, and Rookery's processes under users of their own.",
        mend: "Run: sudo rookery demo, or make demo")
    }
    let environment = ProcessInfo.processInfo.environment
    let ada = API.NamedAuthor(name: "Ada Lovelace", email: "ada@example.com")
    let demo = try Demo(
      prompt: prompt ?? Demo.standardPrompt, author: author?.author ?? ada, repository: repository, keep: keep,
      cache: cache ?? environment["ROOKERY_CACHE"] ?? DataLayout.defaultCache, environment: environment,
      terminal: Terminal(outlivesReader: true))
    let status = try await demo.run()
    if status != .success { throw status }
  }
}
