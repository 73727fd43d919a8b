import ArgumentParser
import Foundation
import RookeryModel

/// `rookery search`
struct SearchCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "search", abstract: "Find words in one session, or in all that you may see.",
    discussion: "All words must be there; the last may be the beginning of one. Words in quotes stand together: search '\"exact words\"'.")

  @Argument(help: "What to look for.")
  var words: [String]

  @Option(help: "Only in this session.")
  var session: SessionID?

  @Option(help: "At most as many places.")
  var limit = 20

  @OptionGroup var server: ServerOptions
  @OptionGroup var output: JSONOption

  func run() async throws {
    let terminal = Terminal()
    var allowed = CharacterSet.alphanumerics
    allowed.insert(charactersIn: "-._~")
    let query = words.joined(separator: " ").addingPercentEncoding(withAllowedCharacters: allowed) ?? ""
    let path = "/v1/search?q=\(query)&limit=\(limit)" + (session.map { "&session=\($0)" } ?? "")
    let found = try await server.client { try await $0.get(path, as: API.SearchResults.self) }
    if output.json { return try terminal.json(found) }
    guard !found.hits.isEmpty else { return terminal.note("Nothing was found.") }
    for hit in found.hits {
      terminal.line("\(hit.session) #\(hit.seq)  \(PrintableText.clean(hit.title ?? ""))  \(Quantity.ago(hit.time))")
      let text = hit.text.map(\.text).joined().replacingOccurrences(of: "\n", with: " ")
      terminal.line("    \(PrintableText.clean(text))")
    }
  }
}

/// `rookery redact`
struct RedactCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "redact", abstract: "Erase a pasted secret from a session: log, artifacts, search, snapshots.",
    discussion: """
      The secret is read from standard input, so that it stands in no shell's history: rookery redact SESSION < secret.txt. Do it \
      between turns. The sandbox and the snapshots since the secret first appeared are given up; what was pushed stays where it is.
      """)

  @Argument(help: "The session.")
  var session: SessionID

  @OptionGroup var server: ServerOptions
  @OptionGroup var output: JSONOption

  func run() async throws {
    let terminal = Terminal()
    var text = String(decoding: FileHandle.standardInput.readDataToEndOfFile(), as: UTF8.self)
    if text.hasSuffix("\n") { text.removeLast() }
    let body = API.Redact(text: text)
    let done = try await server.client {
      try await $0.post("/v1/sessions/\(session)/redact", body, as: API.Redaction.self, timeout: .seconds(300))
    }
    if output.json { return try terminal.json(done) }
    terminal.line("erased in \(done.places) places; \(done.snapshots.count) snapshots removed")
    for snapshot in done.kept { terminal.note("! snapshot \(snapshot) may hold it and is needed by something else") }
    if done.places > 0 { terminal.note("Revoke the secret where it is valid: others may have read it.") }
  }
}
