import RookeryModel

/// A request from which a session is about to be made: kept, so that it is made once, and from the same words, whatever happens between.
struct PendingRequest: Sendable, Codable, Equatable {
  struct More: Sendable, Codable, Equatable {
    var ts: String
    var text: String
  }

  /// Who asked, in Slack and here.
  var person: String
  var user: UserID
  var ts: String
  var text: String
  var files: [String]
  /// The thread's messages before it.
  var before: [String]
  /// What was said in the thread since.
  var more: [More] = []
  var channel: String?
  var topic: String?
  var link: String?
  /// What the person may choose from, the likely first.
  var offered: [RepositoryName]
  /// Where it begins; nil: somebody must choose.
  var repository: RepositoryName?

  var prompt: String {
    let extra = more.map { "\n\n\($0.text)" }.joined()
    return SlackPromptText.make(text + extra, files: files, thread: before, channel: channel, topic: topic, link: link)
  }
}
