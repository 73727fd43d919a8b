import ArgumentParser
import Foundation
import RookeryModel

/// `rookery repo`
struct RepoCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "repo", abstract: "Repositories and their images.",
    subcommands: [Add.self, List.self, Show.self, Build.self, Remove.self])

  struct Add: AsyncParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Add a repository.")

    @Argument(help: "A short name for it.")
    var name: RepositoryName

    @Argument(help: "Its http or https address, without credentials.")
    var url: String

    @Option(help: "The branch to start from. (default: the remote's)")
    var branch: String?

    @Option(help: "What it is, for people and for agents.")
    var description: String?

    @Option(help: "Something agents should know; may be repeated.")
    var hint: [String] = []

    @Option(help: "The agent of its sessions.")
    var agent: AgentName?

    @Flag(help: "Build its image at once.")
    var build = false

    @OptionGroup var server: ServerOptions
    @OptionGroup var output: JSONOption

    func run() async throws {
      let terminal = Terminal()
      let request = API.AddRepository(
        name: name, url: url, defaultBranch: branch, description: description, hints: hint.isEmpty ? nil : hint, agent: agent)
      try await server.client { api in
        let repository = try await api.post("/v1/repositories", request, as: Repository.self)
        if build { _ = try await BuildFollower(api: api, repository: name, terminal: terminal).run() }
        if output.json { return try terminal.json(repository) }
        terminal.line("Added \(name), branch \(PrintableText.clean(repository.defaultBranch, oneLine: true)).")
      }
    }
  }

  struct List: AsyncParsableCommand {
    static let configuration = CommandConfiguration(abstract: "List repositories.")
    @OptionGroup var server: ServerOptions
    @OptionGroup var output: JSONOption

    func run() async throws {
      let terminal = Terminal()
      let answer = try await server.client { try await $0.get("/v1/repositories", as: API.Repositories.self) }
      if output.json { return try terminal.json(answer) }
      guard !answer.repositories.isEmpty else { return terminal.note("No repositories yet. Add one with “rookery repo add”.") }
      var table = Table("NAME", "BRANCH", "IMAGE", "LAST BUILD", "URL")
      for repository in answer.repositories {
        table.add(
          repository.name.rawValue, repository.defaultBranch, repository.image.map { String($0.commit.prefix(12)) } ?? "none",
          repository.lastBuild.map { "\($0.state.rawValue)\(Self.times(repository)) \(Quantity.ago($0.started))" } ?? "never",
          repository.url)
      }
      terminal.line(table.text(terminal.output))
    }

    /// ` 3 times`, for builds that failed one after another.
    private static func times(_ repository: Repository) -> String {
      guard let failures = repository.failures, failures > 1, repository.lastBuild?.state == .failed else { return "" }
      return " \(failures) times,"
    }
  }

  struct Show: AsyncParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Show a repository.")
    @Argument(help: "Its name.") var name: RepositoryName
    @OptionGroup var server: ServerOptions
    @OptionGroup var output: JSONOption

    func run() async throws {
      let terminal = Terminal()
      let (repository, pool) = try await server.client { api in
        (
          try await api.get("/v1/repositories/\(name)", as: Repository.self),
          try await api.get("/v1/repositories/\(name)/pool", as: API.Pool.self)
        )
      }
      if output.json { return try terminal.json(repository) }
      func row(_ label: String, _ value: String) {
        guard !value.isEmpty else { return }
        terminal.line(
          terminal.output.paint(label.padding(toLength: 13, withPad: " ", startingAt: 0), .dim) + PrintableText.clean(value, oneLine: true))
      }
      row("name", repository.name.rawValue)
      row("url", repository.url)
      row("branch", repository.defaultBranch)
      row("description", repository.description)
      for hint in repository.hints { row("hint", hint) }
      row("agent", repository.agent?.rawValue ?? "")
      row("image", repository.image.map { "\($0.id) of \($0.commit.prefix(12)), \(Quantity.ago($0.created))" } ?? "none")
      if let build = repository.lastBuild {
        row("last build", "\(build.state.rawValue), \(Quantity.ago(build.started))")
        if let reason = build.reason { row("", "asked for by: \(reason.rawValue)") }
        if let error = build.error { row("", error.description) }
      }
      if let failures = repository.failures { row("failures", "\(failures) in a row") }
      if let next = repository.nextLook { row("next look", Quantity.text(seconds: max(0, next.timeIntervalSinceNow))) }
      for request in repository.requests ?? [] {
        row(
          request.isGranted ? "granted" : "refused",
          "\(request.kind.rawValue) \(request.text)\(request.isGranted ? "" : ": \(request.remark)")")
      }
      row("warm pool", WarmCommand.summary(pool))
      if let problem = pool.problem { row("", problem.description) }
    }
  }

  struct Build: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Build a repository's image, and follow the build.", discussion: "Ctrl-C lets go; the build goes on.")
    @Argument(help: "Its name.") var name: RepositoryName
    @Flag(help: "Start it without following.") var detach = false
    @Flag(help: "Build from the base, even when nothing changed.") var force = false
    @OptionGroup var server: ServerOptions
    @OptionGroup var output: JSONOption

    func run() async throws {
      let terminal = Terminal()
      try await server.client { api in
        let summary =
          detach
          ? try await api.post("/v1/repositories/\(name)/build\(force ? "?force=true" : "")", as: BuildSummary.self)
          : try await BuildFollower(api: api, repository: name, terminal: terminal, force: force).run()
        if output.json { return try terminal.json(summary) }
        if summary.state == .unchanged { terminal.note("Nothing changed; the image serves on.") }
      }
    }
  }

  struct Remove: AsyncParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Forget a repository and its images; its sessions stay readable.")
    @Argument(help: "Its name.") var name: RepositoryName
    @OptionGroup var server: ServerOptions

    func run() async throws {
      try await server.client { try await $0.send(.DELETE, "/v1/repositories/\(name)") }
    }
  }
}
