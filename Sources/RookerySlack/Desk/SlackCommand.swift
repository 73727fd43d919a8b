import Foundation
import RookeryModel
import RookeryRouting

/// What a message asks for. No syntax is needed; a few words are understood.
enum SlackCommand: Equatable {
  case help
  case status
  case stop
  /// Work; the repository where the message begins with one.
  case work(String, repository: RepositoryName?)

  /// `text` is what the person wrote without our mention.
  init(_ text: String, names: Set<RepositoryName>) {
    let word = text.lowercased().trimmingCharacters(in: .whitespacesAndNewlines.union(.init(charactersIn: ".!?")))
    switch word {
    case "help", "": self = .help
    case "status": self = .status
    case "stop", "cancel", "abort": self = .stop
    default:
      if let (name, rest) = RoutingAddress.prefix(of: text, among: names), !rest.isEmpty {
        self = .work(rest, repository: name)
      } else {
        self = .work(text, repository: nil)
      }
    }
  }
}
