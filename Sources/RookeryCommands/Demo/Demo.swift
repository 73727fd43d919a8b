import Foundation
import RookeryAgents
import RookeryConfiguration
import RookeryHost
import RookeryModel
import RookeryRehearsal

/// The whole path from a prompt to a pushed branch, on this machine, in a directory of its own.
struct Demo: Sendable {
  static let standardPrompt = "Add REPOSITORY-OVERVIEW.md: a short overview of this repository's files by kind, counted from git."

  let prompt: String
  let author: API.NamedAuthor
  /// A git repository to work on a copy of; nil: the current directory's, else one that is made.
  let repository: String?
  let keep: Bool
  let cache: String
  let environment: [String: String]
  let terminal: Terminal
  let progress: ProgressLine
  let times = DemoTimes()

  init(
    prompt: String, author: API.NamedAuthor, repository: String?, keep: Bool, cache: String, environment: [String: String],
    terminal: Terminal
  ) throws {
    self.prompt = prompt
    self.author = author
    self.repository = repository
    self.keep = keep
    self.cache = cache
    self.environment = environment
    self.terminal = terminal
    progress = ProgressLine(terminal)
  }

  /// Runs it and ends everything that it started, whatever happens.
  func run() async throws -> ExitStatus {
    let model = try Configuration.load(file: nil, environment: environment).model
    announce(model)
    let directory = try DemoDirectory()
    let outcome = NoteKeeper()
    let layout = try DataLayout(data: directory.path("data"), cache: cache)
    do {
      let wasInterrupted = try await untilSignal {
        do { try await inside(directory, layout, model: model) } catch {
          // Before the end takes them away.
          if !(error is CancellationError) { directory.log(layout).forEach(outcome.add) }
          throw error
        }
      }
      await end(layout, directory)
      return wasInterrupted && !keep ? .detached : .success
    } catch {
      for line in outcome.all { terminal.note("  \(PrintableText.clean(line))") }
      await end(layout, directory)
      throw error
    }
  }

  /// The first line: who thinks.
  private func announce(_ model: Configuration.Model?) {
    if let model {
      terminal.line("The agent thinks with \(model.name) at \(model.url).")
    } else {
      terminal.line(
        "No model is configured, so a rehearsal model plays written steps for a real agent; set ANTHROPIC_API_KEY, OPENAI_API_KEY, or "
          + "ROOKERY_MODEL_URL, ROOKERY_MODEL_KEY and ROOKERY_MODEL for a real one.")
    }
  }

  private func inside(_ directory: DemoDirectory, _ layout: DataLayout, model: Configuration.Model?) async throws {
    try await step("base") {
      let name = Configuration.defaultBase
      try await BaseMaker(cacheDirectory: cache).make(name) { progress.update($0) }
    }
    let source = try await step("repository") { try await DemoRepository(directory: directory).make(from: repository) }
    let rehearsal = model == nil ? try await step("rehearsal model") { try await RehearsalProcess() } : nil
    let environment = environment.merging(rehearsal?.environment ?? [:]) { $1 }
    // Serves until this body ends.
    try await DemoGitServer.with(repositories: directory.path("git")) { gitPort in
      let url = "http://127.0.0.1:\(gitPort)/\(source.name).git"
      let file = directory.path("rookery.yaml")
      try Data("server: {port: 0}\nnetwork: {private_hosts: [\"127.0.0.1:\(gitPort)\"]}\n".utf8).write(to: URL(fileURLWithPath: file))
      let settings = try UpSettings(
        layout: layout, configurationFile: file, port: nil, admin: nil, environment: environment)
      try await step("start") { try await DetachedStart(settings: settings, terminal: terminal, isQuiet: true).run() }
      try await APIClient.with(ServerAddress(server: nil, data: layout.data, token: nil)) { api in
        try await DemoSession(demo: self, api: api, address: settings.address, repository: source, url: url).run()
      }
      guard keep else { return }
      terminal.line("\nIt keeps running at \(settings.address) until Ctrl-C; the data directory is \(layout.data).")
      try await Task.sleep(for: .seconds(7 * 86400))
    }
    withExtendedLifetime(rehearsal) {}
  }

  /// Runs a step with a line of its own and keeps its time.
  func step<Value: Sendable>(_ name: String, _ body: @Sendable () async throws -> Value) async throws -> Value {
    let start = ContinuousClock.now
    let value = try await progress.step(name) { try await body() }
    times.add(name, ContinuousClock.now - start)
    return value
  }

  private func end(_ layout: DataLayout, _ directory: DemoDirectory) async {
    do {
      for failure in try await Shutdown(layout: layout, progress: progress).run() ?? [] { terminal.note("! \(failure)") }
      directory.remove()
      if !keep { terminal.note("Everything is ended and removed. To keep it running: rookery demo --keep, or make demo KEEP=1") }
    } catch {
      terminal.note("! \(error)")
      terminal.note("What is left is in \(directory.path): rookery down --data \(layout.data)")
    }
  }
}
