import ArgumentParser
import Foundation
import RookeryModel

/// `rookery snapshot`
struct SnapshotCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "snapshot", abstract: "A session's snapshots: the points that it can be forked from.",
    subcommands: [List.self, Take.self], defaultSubcommand: List.self)

  struct List: AsyncParsableCommand {
    static let configuration = CommandConfiguration(abstract: "List them, oldest first.")

    @Argument(help: "The session.")
    var session: SessionID

    @OptionGroup var server: ServerOptions
    @OptionGroup var output: JSONOption

    func run() async throws {
      let terminal = Terminal()
      let found = try await server.client { try await $0.get("/v1/sessions/\(session)/snapshots", as: API.Snapshots.self) }
      if output.json { return try terminal.json(found) }
      guard !found.snapshots.isEmpty else { return terminal.note("No snapshots yet: each turn that ends leaves one.") }
      var table = Table("SNAPSHOT", "EVENT", "TURN", "TAKEN")
      for snapshot in found.snapshots {
        table.add(snapshot.id.rawValue, "\(snapshot.seq)", snapshot.turn.map(String.init) ?? "", Quantity.ago(snapshot.created))
      }
      terminal.line(table.text(terminal.output))
    }
  }

  struct Take: AsyncParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Take one between turns; each turn's end takes one anyway.")

    @Argument(help: "The session.")
    var session: SessionID

    @OptionGroup var server: ServerOptions
    @OptionGroup var output: JSONOption

    func run() async throws {
      let terminal = Terminal()
      let taken = try await server.client { try await $0.post("/v1/sessions/\(session)/snapshots", as: API.SessionSnapshot.self) }
      if output.json { return try terminal.json(taken) }
      terminal.line("snapshot \(taken.id), at event \(taken.seq)")
    }
  }
}

/// `rookery delete`
struct DeleteCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "delete", abstract: "End a session and remove all that is kept of it.",
    discussion: "Its log, artifacts, unfinished work, snapshots and sandbox go. What was pushed stays where it is.")

  @Argument(help: "The session.")
  var session: SessionID

  @OptionGroup var server: ServerOptions

  func run() async throws {
    try await server.client { try await $0.send(.DELETE, "/v1/sessions/\(session)") }
    Terminal().note("session \(session) is gone")
  }
}
