import Crypto
import Foundation
import RookeryConfiguration
import RookeryModel
import RookerySandbox
import RookeryStore

extension LiveSession {
  /// Keeps the turn's work: as a commit of the branch when it completed, else on a hidden ref in our own store.
  func saveWork() async throws {
    guard let current = turn, let sandbox, let base = meta.baseCommit else { return }
    if current.keepsOnBranch {
      try await commitWork(current, base: base, sandbox)
    } else {
      try await saveHidden(current, base: base, sandbox)
    }
  }

  private func commitWork(_ current: TurnState, base: String, _ sandbox: any Sandbox) async throws {
    let start = current.startCommit ?? base
    let message = try commitMessage(current)
    let result = try await sandbox.run(
      git.commit(
        id: try ProcessID("turn-\(current.number)-commit"), branch: meta.branch, start: start, author: current.author, message: message))
    let lines = result.output.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
    guard result.exit.succeeded, lines.count >= 2 else {
      throw RookeryError(
        .sandboxFailed, "The work could not be committed: \(GitScripts.lastLine(of: result.errorOutput))",
        mend: "The files are still in the sandbox: ask the agent to mend its repository.", context: result.errorOutput)
    }
    let head = lines[0]
    guard head != (meta.pushedCommit ?? base) else { return }
    turn?.commit = head
    var events: [EventPayload] = []
    if head != start {
      let changes = lines.dropFirst(2).compactMap(NumstatLine.init)
      events.append(
        .commitCreated(
          .init(
            commit: head, subject: lines[1], author: current.author, files: changes.count,
            additions: changes.reduce(0) { $0 + $1.additions }, deletions: changes.reduce(0) { $0 + $1.deletions })))
    }
    let diff = try await sandbox.run(git.diff(id: try ProcessID("turn-\(current.number)-diff"), base: base))
    let content = Data(diff.stdout)
    let artifact = try artifact(.diff, name: "turn-\(current.number).diff", mediaType: "text/x-diff", content: content)
    try commit(events) { [try $0.append(artifact, content: content, turn: current.number, at: Date())] }
  }

  private func saveHidden(_ current: TurnState, base: String, _ sandbox: any Sandbox) async throws {
    let ref = "refs/rookery/\(id)/turn-\(current.number)"
    let result = try await sandbox.run(
      git.saveHidden(
        id: try ProcessID("turn-\(current.number)-save"), ref: ref, base: base, pushed: meta.pushedCommit ?? base,
        author: current.author, message: "Unfinished work of turn \(current.number)"),
      limit: 32 << 20)
    guard result.exit.succeeded else {
      throw RookeryError(
        .sandboxFailed, "The unfinished work could not be saved: \(GitScripts.lastLine(of: result.errorOutput))",
        mend: "The files are still in the sandbox: a new prompt goes on with them.", context: result.errorOutput)
    }
    guard let split = result.stdout.firstIndex(of: UInt8(ascii: "\n")), result.stdout.count > split + 2 else { return }
    let commit = String(decoding: result.stdout[..<split], as: UTF8.self)
    let content = Data(result.stdout[(split + 2)...])
    let bundle = try artifact(
      .bundle, name: "turn-\(current.number).bundle", mediaType: "application/x-git-bundle", content: content)
    try self.commit([.workSaved(.init(ref: ref, commit: commit))]) {
      [try $0.append(bundle, content: content, turn: current.number, at: Date())]
    }
  }

  private func artifact(_ kind: Artifact.Kind, name: String, mediaType: String, content: Data) throws -> Artifact {
    let digest = SHA256.hash(data: content).map { String(format: "%02x", $0) }.joined()
    return Artifact(id: .random(prefix: "a"), kind: kind, name: name, mediaType: mediaType, bytes: content.count, digest: digest)
  }

  /// Sends the branch to the remote through the broker, which adds the credential.
  func push() async throws {
    guard let current = turn, let commit = current.commit, let sandbox else { return }
    try await lookBeforePush(current, sandbox)
    let result = try await sandbox.run(git.push(id: try ProcessID("turn-\(current.number)-push"), branch: meta.branch))
    guard result.exit.succeeded else {
      if result.errorOutput.contains("`workflows` permission") || result.errorOutput.contains("without `workflow` scope") {
        throw workflowRefusal
      }
      throw RookeryError(
        .pushRejected, "The branch could not be pushed: \(GitScripts.lastLine(of: result.errorOutput))",
        mend: "Check the repository's URL and credential in the configuration; the next prompt pushes again.", context: result.errorOutput)
    }
    let remote = try await services.repositories.get(meta.repository).url
    meta.pushedCommit = commit
    try self.commit([.branchPushed(.init(branch: meta.branch, commit: commit, remote: remote))])
  }

  // MARK: Texts

  /// The agent's closing words of a turn: what it said after its last tool call.
  func closingMessage(of turn: Int) throws -> String {
    try store.read { transaction in
      var text = ""
      for event in try transaction.events(ofTurn: turn, kinds: ["agent.message", "tool.call"]) {
        if case .agentMessage(let chunk) = event.payload { text += chunk.text } else { text = "" }
      }
      return String(text.prefix(4000)).trimmingCharacters(in: .whitespacesAndNewlines)
    }
  }

  private func commitMessage(_ current: TurnState) throws -> String {
    guard let prompt = try store.read({ try $0.prompt(current.prompt) }) else { return "Work of turn \(current.number)" }
    let closing = try closingMessage(of: current.number)
    let rules = services.configuration.github.commits
    var trailers = ["Rookery-Session: \(id)"]
    if let coAuthor = rules.coAuthor { trailers.append("Co-authored-by: \(coAuthor)") }
    if rules.signOff { trailers.append("Signed-off-by: \(current.author.name) <\(current.author.email)>") }
    return [SessionEngine.title(of: prompt.text, limit: 72), closing, trailers.joined(separator: "\n")].filter { !$0.isEmpty }
      .joined(separator: "\n\n")
  }
}

/// A line of `git diff --numstat`; binary files count as changed with no lines.
struct NumstatLine: Equatable {
  var additions: Int
  var deletions: Int

  init?(_ line: String) {
    let fields = line.split(separator: "\t", maxSplits: 2)
    guard fields.count == 3 else { return nil }
    additions = Int(fields[0]) ?? 0
    deletions = Int(fields[1]) ?? 0
  }
}
