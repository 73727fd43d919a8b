import ArgumentParser
import Foundation
import RookeryModel

/// `rookery stats`
struct StatsCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "stats", abstract: "Show how much Rookery is used, how fast it begins, what came of it and what it cost.",
    discussion: """
      A period begins with --since and goes up to, not including, --until. Both are a day (2026-11-25), a time (2026-11-25T10:00:00Z), \
      “today”, “now”, or how long ago: 12h, 7d, 4w, 6m.
      """,
    subcommands: [StatsShowCommand.self, StatsRebuildCommand.self], defaultSubcommand: StatsShowCommand.self)
}

/// `rookery stats`, without more.
struct StatsShowCommand: AsyncParsableCommand {
  enum Grouping: String, ExpressibleByArgument, CaseIterable { case hour, day, week, month, repo, user, session }

  static let configuration = CommandConfiguration(commandName: "show", abstract: "Show the figures. (what “stats” does by itself)")

  @Option(help: "When the period begins. (default: 30d)")
  var since: String?

  @Option(help: "When it ends; itself not included. (default: now)")
  var until: String?

  @Option(help: "Time zone whose days count, such as Europe/Berlin. (default: this machine's)")
  var zone: String?

  @Option(help: "Only this repository.")
  var repo: RepositoryName?

  @Option(help: "A row for each: hour, day, week, month, repo, user or session.")
  var by: Grouping?

  @Option(help: "At most so many rows of users or sessions.")
  var limit = 30

  @OptionGroup var server: ServerOptions
  @OptionGroup var output: JSONOption

  func validate() throws {
    guard (1...500).contains(limit) else { throw ValidationError("--limit must be from 1 to 500.") }
    if by == .repo || by == .user, repo != nil {
      throw ValidationError("--by \(by == .repo ? "repo" : "user") is over all repositories: leave --repo out.")
    }
  }

  func run() async throws {
    let terminal = Terminal()
    try await server.client { client in
      switch by {
      case nil: try await summary(client, terminal)
      case .repo: try await repositories(client, terminal)
      case .user: try await users(client, terminal)
      case .session: try await sessions(client, terminal)
      case .hour, .day, .week, .month: try await series(client, terminal)
      }
    }
  }

  private func query(_ more: [(String, String)] = []) -> String {
    var items = more
    if let since { items.append(("since", since)) }
    if let until { items.append(("until", until)) }
    items.append(("zone", zone ?? StatsText.localZone))
    if let repo { items.append(("repository", repo.rawValue)) }
    return "?" + items.map { "\($0)=\(StatsText.encoded($1))" }.joined(separator: "&")
  }

  private func summary(_ client: APIClient, _ terminal: Terminal) async throws {
    let answer = try await client.get("/v1/metrics/summary\(query())", as: Metrics.Summary.self)
    if output.json { return try terminal.json(answer) }
    let live = try await client.get("/v1/metrics/live", as: Metrics.Live.self)
    terminal.line(StatsText.heading(answer.period, repo))
    guard let figures = answer.figures else { return terminal.line("no data: nothing happened in this period") }
    for (name, value) in StatsText.lines(figures) { terminal.line(name.padding(toLength: 24, withPad: " ", startingAt: 0) + value) }
    terminal.note("\(live.people) \(live.people == 1 ? "person" : "people") prompted in the last \(live.seconds / 60) minutes")
  }

  private func series(_ client: APIClient, _ terminal: Terminal) async throws {
    let step = by?.rawValue ?? "day"
    let answer = try await client.get("/v1/metrics/series\(query([("step", step)]))", as: Metrics.Series.self)
    if output.json { return try terminal.json(answer) }
    terminal.line(StatsText.heading(answer.period, repo))
    var table = Table(step.uppercased(), "SESSIONS", "PROMPTS", "PEOPLE", "PRS", "MERGED", "MERGE RATE", "FIRST TOKEN", "TOKENS", "COST")
    for bucket in answer.buckets {
      let start = StatsText.time(bucket.period.from, zone: bucket.period.zone, withHours: by == .hour)
      guard let figures = bucket.figures else {
        table.add(start, "no data", "", "", "", "", "", "", "", "")
        continue
      }
      table.add(
        start, "\(figures.sessions)", "\(figures.prompts)", "\(figures.users)", "\(figures.pullRequestsCreated)",
        "\(figures.pullRequestsMerged)", StatsText.ratio(figures.mergeRate), StatsText.wait(figures.timeToFirstToken.mean),
        StatsText.tokens(figures.spend), StatsText.cost(figures.spend))
    }
    terminal.line(table.text(terminal.output))
  }

  private func repositories(_ client: APIClient, _ terminal: Terminal) async throws {
    let answer = try await client.get("/v1/metrics/repositories\(query())", as: Metrics.Repositories.self)
    if output.json { return try terminal.json(answer) }
    terminal.line(StatsText.heading(answer.period, nil))
    guard !answer.repositories.isEmpty else { return terminal.note("No repositories yet. Add one with “rookery repo add”.") }
    var table = Table(
      "REPOSITORY", "SESSIONS", "PROMPTS/SESSION", "PRS", "MERGED", "MERGE RATE", "SHARE OF MERGED", "FIRST TOKEN", "TOKENS", "COST")
    for row in answer.repositories {
      let share = row.mergedShare.map { StatsText.ratio($0.ratio) } ?? "no data"
      guard let figures = row.figures else {
        table.add(row.repository.rawValue, "no data", "", "", "", "", share, "", "", "")
        continue
      }
      table.add(
        row.repository.rawValue, "\(figures.sessions)", StatsText.average(figures.promptsPerSession), "\(figures.pullRequestsCreated)",
        "\(figures.pullRequestsMerged)", StatsText.ratio(figures.mergeRate), share, StatsText.wait(figures.timeToFirstToken.mean),
        StatsText.tokens(figures.spend), StatsText.cost(figures.spend))
    }
    terminal.line(table.text(terminal.output))
  }

  private func users(_ client: APIClient, _ terminal: Terminal) async throws {
    let answer = try await client.get("/v1/metrics/users\(query([("limit", "\(limit)")]))", as: Metrics.Users.self)
    if output.json { return try terminal.json(answer) }
    terminal.line(StatsText.heading(answer.period, nil))
    guard !answer.users.isEmpty else { return terminal.line("no data: nobody prompted in this period") }
    var table = Table("USER", "NAME", "PROMPTS", "SESSIONS", "TOKENS IN", "TOKENS OUT", "COST")
    for row in answer.users {
      let asked = row.spend.requests > 0
      table.add(
        row.user.rawValue, row.name, "\(row.prompts)", "\(row.sessions)", asked ? "\(row.spend.inputTokens)" : "no data",
        asked ? "\(row.spend.outputTokens)" : "no data", StatsText.cost(row.spend))
    }
    terminal.line(table.text(terminal.output))
  }

  private func sessions(_ client: APIClient, _ terminal: Terminal) async throws {
    let answer = try await client.get("/v1/metrics/sessions\(query([("limit", "\(limit)")]))", as: Metrics.Sessions.self)
    if output.json { return try terminal.json(answer) }
    terminal.line(StatsText.heading(answer.period, repo))
    guard !answer.sessions.isEmpty else { return terminal.line("no data: no session began in this period") }
    var table = Table("SESSION", "REPOSITORY", "BEGAN", "FIRST TOKEN", "COMPLETED", "PROMPTS", "PEOPLE", "PRS", "MERGED", "TOKENS", "COST")
    for row in answer.sessions {
      table.add(
        row.session.rawValue, row.repository.rawValue, StatsText.time(row.created, zone: answer.period.zone, withHours: true),
        StatsText.wait(row.timeToFirstToken),
        row.completed.map { "after \(Quantity.text(seconds: $0.timeIntervalSince(row.created)))" } ?? "no",
        "\(row.prompts)", "\(row.participants)", "\(row.pullRequests.count)", "\(row.pullRequests.count { $0.merged != nil })",
        row.spend.map(StatsText.tokens) ?? "no data", row.spend.map(StatsText.cost) ?? "no data")
    }
    terminal.line(table.text(terminal.output))
    if answer.total > answer.sessions.count { terminal.note("\(answer.total) sessions in all; --limit shows more") }
  }
}

/// `rookery stats rebuild`
struct StatsRebuildCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "rebuild", abstract: "Derive all figures anew from the sessions' files (admin).",
    discussion:
      "They keep themselves up to date; this is for after files were put back by hand. Until it is done, the old figures are shown.")

  @OptionGroup var server: ServerOptions
  @OptionGroup var output: JSONOption

  func run() async throws {
    let terminal = Terminal()
    let answer = try await server.client { client in
      try await client.post("/v1/metrics/rebuild", as: Metrics.Rebuilt.self, timeout: .seconds(3600))
    }
    if output.json { return try terminal.json(answer) }
    let sessions = "\(answer.sessions) session\(answer.sessions == 1 ? "" : "s")"
    terminal.note("derived from \(answer.events) events of \(sessions) in \(Quantity.text(.milliseconds(answer.milliseconds)))")
  }
}
