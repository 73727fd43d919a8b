import ArgumentParser
import Foundation
import RookeryModel

/// `rookery route`
struct RouteCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "route", abstract: "Show in which repository a message would begin work, and why.",
    discussion: "Nothing is begun. The server decides as it does for messages from Slack.")

  @Argument(help: "What somebody wrote.") var message: String

  @Option(help: "The channel's name.") var channel: String?

  @Option(help: "The channel's topic.") var topic: String?

  @Option(help: "An earlier message of the thread; may be repeated, the oldest first.") var thread: [String] = []

  @OptionGroup var server: ServerOptions
  @OptionGroup var output: JSONOption

  func run() async throws {
    let terminal = Terminal()
    let request = API.Route(message: message, channel: channel, topic: topic, thread: thread.isEmpty ? nil : thread)
    let decision = try await server.client { try await $0.post("/v1/route", request, as: API.RouteDecision.self) }
    if output.json { return try terminal.json(decision) }
    for line in Self.lines(decision) { terminal.line(PrintableText.clean(line)) }
  }

  static func lines(_ decision: API.RouteDecision) -> [String] {
    let percent = Int((decision.confidence * 100).rounded())
    let how =
      switch decision.method {
      case .named: "named in the message"
      case .only: "there is no other"
      case .rules: "by rules, \(percent) %"
      case .model: "by the model, \(percent) %"
      }
    var lines = [decision.repository.map { "begins in \($0) (\(how))" } ?? "asks (\(how))"]
    lines += decision.reasons.map { "  because \($0)" }
    let others = decision.likely.filter { $0 != decision.repository }.map(\.rawValue)
    if !others.isEmpty { lines.append("  \(decision.repository == nil ? "offers" : "before") \(others.joined(separator: ", "))") }
    if let problem = decision.modelProblem { lines.append("  the rules decided: \(problem)") }
    return lines
  }
}
