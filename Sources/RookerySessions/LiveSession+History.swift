import Foundation
import RookeryModel
import RookeryStore

extension LiveSession {
  /// Bytes of what an agent is told of earlier turns, at most: the newest are what matters.
  private static let historyLimit = 24 << 10

  /// What was said and done so far, for an agent that can't load its own record; nil when there was nothing.
  func history() throws -> String? {
    guard let turn, turn.number > 1 || meta.inherited != nil else { return nil }
    return try history(through: turn.number - 1)
  }

  /// What was said up to the end of a turn; nil: up to the newest one.
  func history(through last: Int?) throws -> String? {
    var parts: [String] = []
    var size = 0
    let prompts = try store.read { try $0.prompts() }.filter { ($0.turn ?? .max) <= last ?? .max - 1 }
    for prompt in prompts.sorted(by: { ($0.turn ?? 0) > ($1.turn ?? 0) }) {
      guard let number = prompt.turn else { continue }
      let part = try record(of: number, prompt)
      size += part.utf8.count
      guard size <= Self.historyLimit else { break }
      parts.insert(part, at: 0)
    }
    if let inherited = meta.inherited, size + inherited.utf8.count <= 2 * Self.historyLimit { parts.insert(inherited, at: 0) }
    return parts.isEmpty ? nil : parts.joined(separator: "\n\n")
  }

  private func record(of number: Int, _ prompt: Prompt) throws -> String {
    var lines = ["\(prompt.author.name) asked: \(prompt.text.prefix(4000))"]
    var answer = ""
    for event in try store.read({ try $0.events(ofTurn: number, kinds: ["agent.message", "tool.call", "commit.created", "turn.finished"]) })
    {
      switch event.payload {
      // Only the closing words of an answer are kept: what came before a tool call was about that call.
      case .toolCall(let call):
        answer = ""
        lines.append("(you used: \(call.title.prefix(200)))")
      case .agentMessage(let chunk): answer += chunk.text
      case .commitCreated(let commit): lines.append("(committed \(commit.commit.prefix(12)): \(commit.subject.prefix(200)))")
      case .turnFinished(let end) where end.result != .completed: lines.append("(the turn was \(end.result.rawValue))")
      default: break
      }
    }
    if !answer.isEmpty { lines.append("You answered: \(answer.prefix(4000))") }
    return lines.joined(separator: "\n")
  }
}
