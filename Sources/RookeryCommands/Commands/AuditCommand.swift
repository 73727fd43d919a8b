import ArgumentParser
import Foundation
import RookeryModel

/// `rookery audit`
struct AuditCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "audit", abstract: "Print the audit log: who did what, when, from where. Takes an admin.",
    discussion: "With --json an entry a line, for archives; --after continues where an earlier export ended.")

  @Option(help: ArgumentHelp("Only entries after this number.", valueName: "number"))
  var after: Int64 = 0

  @OptionGroup var server: ServerOptions
  @OptionGroup var output: JSONOption

  func run() async throws {
    let terminal = Terminal()
    var after = max(0, after)
    while true {
      let from = after
      let page = try await server.client { try await $0.get("/v1/audit?after=\(from)&limit=1000", as: API.Audit.self) }
      for entry in page.entries {
        if output.json { try terminal.json(entry) } else { terminal.line(Self.text(entry)) }
      }
      guard let last = page.entries.last, page.entries.count == 1000 else { return }
      after = last.seq
    }
  }

  private static func text(_ entry: AuditEntry) -> String {
    let detail = entry.detail.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }.joined(separator: " ")
    let line =
      "\(entry.seq)  \(Timestamp.text(entry.at))  \(entry.name)  \(entry.action.rawValue)  \(entry.subject)  \(entry.origin)  \(detail)"
    return PrintableText.clean(line, oneLine: true)
  }
}

/// `rookery secrets`
struct SecretsCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "secrets", abstract: "Look after what is encrypted at rest.", subcommands: [Rotate.self])

  struct Rotate: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Encrypt every stored secret anew, under a new key.",
      discussion: "Where server.secrets_key_file names a file, put the new key into its first line before; otherwise one is made.")

    @OptionGroup var server: ServerOptions
    @OptionGroup var output: JSONOption

    func run() async throws {
      let terminal = Terminal()
      let done = try await server.client { try await $0.post("/v1/secrets/rotate", as: API.Rotation.self) }
      if output.json { return try terminal.json(done) }
      terminal.line("\(done.secrets) secrets are encrypted under the key \(done.key).")
    }
  }
}
