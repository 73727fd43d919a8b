import RookeryModel

/// What Rookery says in Slack.
enum SlackWords {
  static func help(bot: String) -> SlackContent {
    let text = """
      *Mention me with what should be done*, in a channel or in a thread, and I begin in the repository that you mean; where that is not \
      clear, I ask.
      • Reply in the thread to go on; edit your message while it waits to change it.
      • `<@\(bot)> in REPOSITORY …` names the repository.
      • `status` says what is going on, `stop` stops it.
      """
    return SlackContent(text: "Mention me with what should be done.", blocks: [Block.section(text)])
  }

  static func picker(_ names: [RepositoryName]) -> SlackContent {
    let text = "Which repository is this about?"
    var elements = names.prefix(4).enumerated().map { index, name in
      Block.button(name.rawValue, action: "\(SlackAction.pick.rawValue).\(index)", value: name.rawValue)
    }
    if names.count > 4 {
      elements.append(
        Block.select(
          "Another…", action: SlackAction.pick.rawValue + ".menu", options: names.dropFirst(4).map { ($0.rawValue, $0.rawValue) }))
    }
    var blocks = [Block.section(text), Block.actions("pick", elements)]
    if names.count > 4 + SlackLimits.options { blocks.append(Block.context(["There are more: reply with the name of one."])) }
    return SlackContent(text: text, blocks: blocks)
  }

  static func chosen(_ name: RepositoryName, by person: String) -> SlackContent {
    plain("<@\(person)> chose `\(name)`.")
  }

  static func failure(_ error: RookeryError) -> SlackContent {
    let text = [error.message, error.mend].filter { !$0.isEmpty }.joined(separator: "\n")
    return plain(":x: " + SlackText.escape(SlackText.clip(text, to: 2500)))
  }

  static func link(_ address: String) -> SlackContent {
    let text = "I don't know yet who you are in Rookery. Open this link within 15 minutes, sign in, and write again."
    return SlackContent(
      text: text,
      blocks: [
        Block.section(text),
        Block.actions(
          "link", [Block.button("Link my account", action: SlackAction.link.rawValue, value: "link", url: address, style: .primary)]),
      ])
  }

  static func status(_ detail: API.SessionDetail, origin: String) -> SlackContent {
    let session = detail.session
    let waiting = detail.prompts.count { $0.state == .queued }
    var lines = ["`\(session.repository)` is \(session.state.rawValue)" + (waiting > 0 ? ", \(waiting) waiting" : "") + "."]
    if let pull = session.pullRequest { lines.append("Pull request: <\(SlackText.escape(pull.url))|#\(pull.number)>") }
    lines.append("<\(SlackText.escape("\(origin)/sessions/\(session.id)"))|Open the session>")
    return plain(lines.joined(separator: "\n"))
  }

  static func overview(_ active: [SessionSummary], origin: String) -> SlackContent {
    guard !active.isEmpty else { return plain("Nothing runs at the moment.") }
    let lines = active.prefix(15).map { session in
      let title = SlackText.escape(SlackText.clip(session.title.replacing("|", with: "¦"), to: 100))
      return "• `\(session.repository)` <\(SlackText.escape("\(origin)/sessions/\(session.id)"))|\(title)> — \(session.state.rawValue)"
    }
    return plain(lines.joined(separator: "\n"))
  }

  static let noRepositories = plain("There is no repository here that you may use. An admin adds one with `rookery repo add`.")
  static let nothingRuns = plain("Nothing of this thread runs.")
  static let stopping = plain("Stopping. What was done is kept.")
  static let tooLateToEdit = plain("That is being worked on already: your edit changes nothing. Reply in the thread instead.")
  static let answered = plain("Somebody has answered that already.")
  static let thanks = plain("Thank you. It is kept with the session.")
  static let viewer = plain("You may look at sessions here, but not begin them. Ask an admin of Rookery.")
  static let makePullRequest =
    "Look over the work on this branch once more, and finish what is needed for a pull request. It is opened when you are done."

  private static func plain(_ text: String) -> SlackContent { SlackContent(text: text, blocks: [Block.section(text)]) }
}
