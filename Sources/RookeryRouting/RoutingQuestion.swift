import Foundation
import RookeryModel

/// Which repository does this message mean? Everything that is known when it is asked.
package struct RoutingQuestion: Sendable, Equatable {
  /// A repository that the person may use, as it is described to a reader.
  package struct Candidate: Sendable, Equatable {
    package var name: RepositoryName
    package var description: String
    package var hints: [String]

    package init(name: RepositoryName, description: String = "", hints: [String] = []) {
      self.name = name
      self.description = description
      self.hints = hints
    }
  }

  package var message: String
  /// The thread's earlier messages, oldest first.
  package var thread: [String]
  /// The channel's name without `#`; nil for a direct message.
  package var channel: String?
  package var topic: String?
  /// What the configuration says of the channel.
  package var channelDefault: RepositoryName?
  /// What people chose in this channel when they were asked, newest first.
  package var chosenInChannel: [RepositoryName]
  /// What this person worked on elsewhere, newest first.
  package var recent: [RepositoryName]
  /// The repositories that this person may use: the only possible answers.
  package var candidates: [Candidate]

  package init(
    message: String, thread: [String] = [], channel: String? = nil, topic: String? = nil, channelDefault: RepositoryName? = nil,
    chosenInChannel: [RepositoryName] = [], recent: [RepositoryName] = [], candidates: [Candidate]
  ) {
    self.message = message
    self.thread = thread
    self.channel = channel
    self.topic = topic
    self.channelDefault = channelDefault
    self.chosenInChannel = chosenInChannel
    self.recent = recent
    self.candidates = candidates
  }

  package var names: Set<RepositoryName> { Set(candidates.map(\.name)) }
}
