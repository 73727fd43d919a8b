import Foundation
import RookeryModel

/// The prompt that a message becomes.
enum SlackPromptText {
  /// Bytes of a prompt, as the server takes it.
  private static let limit = 200_000
  private static let contextLimit = 24_000

  /// `thread`: the messages before it, oldest first, each `name: text`.
  static func make(_ request: String, files: [String], thread: [String], channel: String?, topic: String?, link: String?) -> String {
    var parts = [request]
    if !files.isEmpty { parts.append("Files that came with the message:\n" + files.map { "- \($0)" }.joined(separator: "\n")) }
    if !thread.isEmpty {
      var kept: [String] = []
      var size = 0
      for message in thread.reversed() {
        size += message.utf8.count
        guard size <= contextLimit else { break }
        kept.insert(message, at: 0)
      }
      let quoted = kept.map { "> " + $0.replacing("\n", with: "\n> ") }.joined(separator: "\n>\n")
      parts.append("The messages of the Slack thread before it:\n\(quoted)")
    }
    var place: [String] = []
    if let channel { place.append("Asked in #\(channel)" + (topic.flatMap { $0.isEmpty ? nil : " (topic: \($0))" } ?? "")) }
    if let link { place.append(link) }
    if !place.isEmpty { parts.append(place.joined(separator: ": ")) }
    return SlackText.clip(String(decoding: parts.joined(separator: "\n\n").utf8.prefix(limit), as: UTF8.self), to: limit)
  }
}
