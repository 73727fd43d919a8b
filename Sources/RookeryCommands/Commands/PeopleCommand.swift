import ArgumentParser
import Foundation
import RookeryModel

/// `rookery people`
struct PeopleCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "people", abstract: "See and change who takes part in a session.",
    subcommands: [List.self, Invite.self, Role.self, Remove.self, Access.self, Links.self, Revoke.self], defaultSubcommand: List.self)

  /// `rookery people list`
  struct List: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "list", abstract: "List who takes part and who watches now.")

    @Argument(help: "The session.")
    var session: SessionID

    @OptionGroup var server: ServerOptions
    @OptionGroup var output: JSONOption

    func run() async throws {
      let terminal = Terminal()
      let people = try await server.client { try await $0.get("/v1/sessions/\(session)/participants", as: API.People.self) }
      if output.json { return try terminal.json(people) }
      var table = Table("USER", "NAME", "ROLE", "SINCE", "NOW")
      for one in people.participants {
        let isHere = people.watching.contains { $0.user == one.person.user }
        table.add(one.person.user.rawValue, one.person.name, one.role.rawValue, Quantity.ago(one.joined), isHere ? "watching" : "")
      }
      terminal.line(table.text(terminal.output))
      terminal.note("Access: \(people.access.rawValue)")
    }
  }

  /// `rookery people invite`
  struct Invite: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "invite", abstract: "Make a link by which people join; whoever has it can use it.")

    @Argument(help: "The session.")
    var session: SessionID

    @Option(help: "What they become: collaborator or viewer.")
    var role = SessionRole.collaborator

    @Option(help: "Hours that the link is good for, at most 720.")
    var hours = 168

    @Option(help: "How many people may use it.")
    var uses = 10

    @OptionGroup var server: ServerOptions
    @OptionGroup var output: JSONOption

    func run() async throws {
      let terminal = Terminal()
      let body = API.CreateInvitation(role: role, seconds: hours.multipliedReportingOverflow(by: 3600).partialValue, uses: uses)
      let made = try await server.client { try await $0.post("/v1/sessions/\(session)/invitations", body, as: API.NewInvitation.self) }
      if output.json { try terminal.json(made) } else { terminal.line(made.url.reveal()) }
    }
  }

  /// `rookery people links`
  struct Links: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "links", abstract: "List the links by which people may join.")

    @Argument(help: "The session.")
    var session: SessionID

    @OptionGroup var server: ServerOptions
    @OptionGroup var output: JSONOption

    func run() async throws {
      let terminal = Terminal()
      let answer = try await server.client { try await $0.get("/v1/sessions/\(session)/invitations", as: API.Invitations.self) }
      if output.json { return try terminal.json(answer) }
      guard !answer.invitations.isEmpty else { return terminal.note("No link works.") }
      var table = Table("LINK", "ROLE", "USES", "EXPIRES")
      for one in answer.invitations { table.add(one.id, one.role.rawValue, "\(one.uses)", Timestamp.text(one.expires)) }
      terminal.line(table.text(terminal.output))
    }
  }

  /// `rookery people revoke`
  struct Revoke: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "revoke", abstract: "End a link by which people join.")

    @Argument(help: "The session.")
    var session: SessionID

    @Argument(help: "The link's id.")
    var link: String

    @OptionGroup var server: ServerOptions

    func run() async throws {
      let id = link.addingPercentEncoding(withAllowedCharacters: .alphanumerics) ?? ""
      try await server.client { try await $0.send(.DELETE, "/v1/sessions/\(session)/invitations/\(id)") }
    }
  }

  /// `rookery people role`
  struct Role: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "role", abstract: "Give a participant another role.")

    @Argument(help: "The session.")
    var session: SessionID

    @Argument(help: "The participant.")
    var user: UserID

    @Argument(help: "viewer, collaborator or owner.")
    var role: SessionRole

    @OptionGroup var server: ServerOptions

    func run() async throws {
      _ = try await server.client {
        try await $0.patch("/v1/sessions/\(session)/participants/\(user)", API.ChangeParticipant(role: role), as: API.People.self)
      }
    }
  }

  /// `rookery people remove`
  struct Remove: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "remove", abstract: "Remove a participant, or leave.")

    @Argument(help: "The session.")
    var session: SessionID

    @Argument(help: "The participant.")
    var user: UserID

    @OptionGroup var server: ServerOptions

    func run() async throws {
      try await server.client { try await $0.send(.DELETE, "/v1/sessions/\(session)/participants/\(user)") }
    }
  }

  /// `rookery people access`
  struct Access: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "access", abstract: "Say who may see the session beside its participants.")

    @Argument(help: "The session.")
    var session: SessionID

    @Argument(help: "team: everyone may take part; watch: everyone may watch; private: participants only.")
    var access: SessionAccess

    @OptionGroup var server: ServerOptions

    func run() async throws {
      _ = try await server.client {
        try await $0.patch("/v1/sessions/\(session)", API.ChangeSession(access: access), as: API.People.self)
      }
    }
  }
}
