import Foundation
import RookeryModel

@testable import RookeryRouting

/// The labelled messages beside this file, as questions.
struct LabelledMessages {
  struct Message {
    var number: Int
    var kind: String
    /// Nil: a careful colleague asks.
    var expected: RepositoryName?
    var question: RoutingQuestion
    var isHeldOut: Bool { number.isMultiple(of: 2) }
  }

  private struct Repository: Decodable {
    var name: RepositoryName
    var description: String
    var hints: [String]
  }
  private struct Channel: Decodable {
    var topic: String
    var `default`: RepositoryName?
  }

  let candidates: [RoutingQuestion.Candidate]
  let messages: [Message]

  init() throws {
    let directory = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .appendingPathComponent("Labelled")
    func data(_ name: String) throws -> Data { try Data(contentsOf: directory.appendingPathComponent(name)) }
    let candidates = try JSONDecoder().decode([Repository].self, from: data("repositories.json")).map {
      RoutingQuestion.Candidate(name: $0.name, description: $0.description, hints: $0.hints)
    }
    let channels = try JSONDecoder().decode([String: Channel].self, from: data("channels.json"))
    let lines = String(decoding: try data("messages.tsv"), as: UTF8.self).split(separator: "\n")
    self.candidates = candidates
    messages = try lines.enumerated().map { index, line in
      let fields = line.split(separator: "\t", omittingEmptySubsequences: false).map(String.init)
      let channel = fields[2] == "-" ? nil : fields[2]
      let known = channel.flatMap { channels[$0] }
      return Message(
        number: index + 1, kind: fields[0], expected: fields[1] == "-" ? nil : try RepositoryName(fields[1]),
        question: RoutingQuestion(
          message: fields[3], thread: Array(fields.dropFirst(4)), channel: channel, topic: known?.topic, channelDefault: known?.default,
          candidates: candidates))
    }
  }
}

/// What a decider makes of labelled messages.
struct RoutingScore: CustomStringConvertible {
  var right = 0
  /// Asked although a colleague would begin: costs a click.
  var asked = 0
  /// Began where a colleague would not.
  var wrong: [String] = []
  var byKind: [String: (right: Int, all: Int)] = [:]
  var askedTexts: [String] = []

  var all: Int { right + asked + wrong.count }

  mutating func add(_ message: LabelledMessages.Message, _ decision: API.RouteDecision) {
    byKind[message.kind, default: (0, 0)].all += 1
    if decision.repository == message.expected {
      right += 1
      byKind[message.kind, default: (0, 0)].right += 1
    } else if decision.repository == nil {
      asked += 1
      askedTexts.append("\(message.number) \(message.question.message): \(decision.reasons)")
    } else {
      wrong.append("\(message.number) “\(message.question.message)” began in \(decision.repository?.rawValue ?? "-"): \(decision.reasons)")
    }
  }

  var description: String {
    let kinds = byKind.sorted { $0.key < $1.key }.map { "\($0.key) \($0.value.right)/\($0.value.all)" }.joined(separator: ", ")
    return "\(right) of \(all) right, \(asked) asked needlessly, \(wrong.count) begun wrongly (\(kinds))"
  }
}
