import Foundation
import Logging
import RookeryConfiguration
import RookeryGitHub
import RookeryModel
import RookerySandbox
import RookeryStore

/// The end of a prompt's way: a pull request by the person who asked.
extension LiveSession {
  /// With whose access a pull request is opened.
  private enum Access {
    case own(Secret)
    /// The App's, by the operator's policy.
    case app(Secret)
    case none
  }

  /// Opens the pull request with the prompting author's own token, or brings the open one up to date. Without such a token the work
  /// waits at its branch until there is one.
  func openPullRequest() async throws {
    guard let current = turn else { return }
    try await openPullRequest(by: current.author, turn: current.number)
  }

  /// Tries again where one waits; does nothing while a turn runs, since its end does the same.
  func openHeldPullRequest() async {
    guard let held = meta.heldPullRequest, runner == nil, !closing else { return }
    do { try await openPullRequest(by: held.author, turn: held.turn) } catch {
      logger.warning("a held pull request was not opened", metadata: ["error": "\(error)"])
      let text = "The pull request that waited could not be opened: \((error as? RookeryError)?.description ?? "the server's log says why")"
      do {
        // A refusal stays one; what passes is tried again.
        guard (error as? RookeryError)?.code == .pullRequestFailed else { return }
        meta.heldPullRequest = nil
        try commit([.notice(.init(level: .warning, text: text))])
        try await services.registry.release(id)
      } catch { logger.error("an event was lost", metadata: ["error": "\(error)"]) }
    }
  }

  private func openPullRequest(by author: Author, turn number: Int) async throws {
    guard let opener = services.pullRequests else { return }
    let repository = try await services.repositories.get(meta.repository)
    guard let forge = await services.forge(of: repository) else { return }
    let access = try await access(for: author, forge)
    let token: Secret
    switch access {
    case .own(let own): token = own
    case .app(let own): token = own
    case .none: return try await hold(author, turn: number)
    }
    let base = services.configuration.repositories[meta.repository]?.pullRequestBase ?? repository.defaultBranch
    meta.pullRequestIntent = PullRequestIntent(head: meta.branch, base: base, author: author.user, at: Date())
    try commit()
    var text = try pullRequestText(author, turn: number, base: base)
    if case .app = access {
      text.body += "\n\nOpened by the Rookery App, since \(author.name) has no linked account: somebody else should review it."
    }
    let (pull, created): (PullRequest, Bool)
    do { (pull, created) = try await opener.openPullRequest(text, forge: forge, token: token) } catch {
      // Refused for good is a result, too; of anything else the outcome is unknown, and the next attempt looks first.
      if (error as? RookeryError)?.code == .pullRequestFailed { meta.pullRequestIntent = nil }
      throw error
    }
    meta.pullRequestIntent = nil
    let wasHeld = meta.heldPullRequest != nil
    meta.heldPullRequest = nil
    if created || pull != meta.pullRequest {
      meta.pullRequest = pull
      meta.pullRequestEnd = nil
      try commit([created ? .pullRequestOpened(pull) : .pullRequestUpdated(pull)])
    } else {
      try commit()
    }
    if wasHeld { try await services.registry.release(id) }
    if created {
      try await services.registry.audit(
        .pullRequestOpened, by: nil, subject: pull.url,
        detail: ["author": pull.author, "for": "\(author.user)", "session": "\(id)"])
    }
  }

  private func access(for author: Author, _ forge: Configuration.Forge) async throws -> Access {
    if let own = try await services.authorToken(author) { return .own(own) }
    guard services.configuration.github.pullRequests.withoutAccount == .app,
      let token = try await services.github?.appToken(for: forge.repository, .work)
    else { return .none }
    return .app(token)
  }

  private func hold(_ author: Author, turn number: Int) async throws {
    let isNew = meta.heldPullRequest?.author.user != author.user
    meta.heldPullRequest = HeldPullRequest(author: author, turn: number)
    let text: String
    if await services.github?.canSignIn == true {
      text =
        "The branch is pushed. The pull request waits until \(author.name) has linked a GitHub account, and then opens by itself: "
        + services.configuration.server.link(to: "/login/github")
    } else {
      text =
        "The branch is pushed, but no pull request was opened: no GitHub token is configured for \(author.email). "
        + "With one, the next prompt opens it as them."
    }
    try commit(isNew ? [.notice(.init(level: .warning, text: text))] : [])
    try await services.registry.hold(id, for: author.user)
  }

  // MARK: Before the push

  /// Workflow files run with the repository's own secrets: sessions push none unless the operator permits it.
  func lookBeforePush(_ current: TurnState, _ sandbox: any Sandbox) async throws {
    guard let base = meta.baseCommit, await services.forge(of: try await services.repositories.get(meta.repository)) != nil else { return }
    let result = try await sandbox.run(
      git.lookBeforePush(id: try ProcessID("turn-\(current.number)-look"), start: meta.pushedCommit ?? base))
    let lines = result.output.split(separator: "\n", maxSplits: 1, omittingEmptySubsequences: false)
    if lines.first == "workflows", services.configuration.repositories[meta.repository]?.allowsWorkflowChanges != true {
      throw workflowRefusal
    }
    let template = lines.count > 1 ? String(lines[1]) : ""
    meta.pullRequestTemplate = template.allSatisfy(\.isWhitespace) ? nil : template
  }

  var workflowRefusal: RookeryError {
    RookeryError(
      .pushRejected, "The work changes files under .github/workflows, which sessions of “\(meta.repository)” may not push.",
      mend: "Ask the agent to take that back, or have an admin set repositories.\(meta.repository).allow_workflow_changes.")
  }

  // MARK: Texts

  private func pullRequestText(_ author: Author, turn number: Int, base: String) throws -> PullRequestText {
    let closing = try closingMessage(of: number)
    let link = services.configuration.server.link(to: "/sessions/\(id)")
    let words = PullRequestTemplate.fill(meta.pullRequestTemplate, with: closing)
    let body = [words, "Prompted by \(author.name) in [a Rookery session](\(link))."].filter { !$0.isEmpty }
      .joined(separator: "\n\n---\n\n")
    return PullRequestText(
      head: meta.branch, base: base, title: meta.title, body: body, isDraft: services.configuration.github.pullRequests.draft)
  }

  // MARK: What the forge says

  /// The forge says that the session's pull request ended, or was opened again. Told once.
  func forgeReported(_ pull: ForgePullRequest) throws {
    guard pull.number == meta.pullRequest?.number || pull.head == meta.branch else { return }
    let end = pull.merged != nil ? "merged" : pull.isOpen ? nil : "closed"
    guard end != meta.pullRequestEnd else { return }
    var events: [EventPayload] = []
    if meta.pullRequest?.number != pull.number {
      // Opened by hand, from our branch.
      let summary = PullRequest(number: pull.number, url: pull.url, title: pull.title, author: pull.author)
      meta.pullRequest = summary
      events.append(.pullRequestOpened(summary))
    }
    meta.pullRequestEnd = end
    switch end {
    case "merged":
      events.append(
        .pullRequestMerged(.init(number: pull.number, url: pull.url, at: pull.merged, by: pull.endedBy, commit: pull.mergeCommit)))
    case "closed": events.append(.pullRequestClosed(.init(number: pull.number, url: pull.url, at: pull.updated, by: pull.endedBy)))
    default: break
    }
    try commit(events)
  }
}

/// A repository's own template for pull requests.
enum PullRequestTemplate {
  /// Puts `text` where the template asks for a description: below its first heading, in place of the comment that stands there; or
  /// before it, where it has no heading. What else the template holds stays.
  static func fill(_ template: String?, with text: String) -> String {
    guard let template = template?.replacingOccurrences(of: "\r\n", with: "\n").trimmingCharacters(in: .whitespacesAndNewlines),
      !template.isEmpty
    else { return text }
    guard !text.isEmpty else { return template }
    var lines = template.components(separatedBy: "\n")
    guard let heading = lines.firstIndex(where: { $0.hasPrefix("#") }) else { return text + "\n\n" + template }
    var next = heading + 1
    while next < lines.count, lines[next].allSatisfy(\.isWhitespace) { next += 1 }
    if next < lines.count, lines[next].hasPrefix("<!--"), let end = lines[next...].firstIndex(where: { $0.contains("-->") }) {
      lines.removeSubrange(next...end)
    }
    lines.replaceSubrange(heading + 1..<next, with: ["", text, ""])
    return lines.joined(separator: "\n").trimmingCharacters(in: .whitespacesAndNewlines)
  }
}
