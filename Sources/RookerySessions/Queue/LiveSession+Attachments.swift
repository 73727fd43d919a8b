import Foundation
import RookeryAgents
import RookeryModel
import RookerySandbox
import RookeryStore

/// Files that go with prompts: they lie in the sandbox, and where the agent takes them they are in its message, too.
extension LiveSession {
  /// Bytes written to a sandbox at once.
  private static let piece = 256 << 10

  /// Where a prompt's files lie in the sandbox: outside the repository, so that no commit holds them.
  func attachmentsDirectory(of prompt: PromptID) -> String { "/home/agent/attachments/\(prompt)" }

  /// A prompt's files, with the content of those that may go into a message.
  func promptFiles(_ prompt: Prompt) throws -> [PromptFile] {
    try (prompt.attachments ?? []).map { attachment in
      let content = attachment.bytes <= PromptFile.embeddedLimit ? try store.read { try $0.attachment(attachment.digest) } : nil
      return PromptFile(
        name: attachment.name, mediaType: attachment.mediaType, path: "\(attachmentsDirectory(of: prompt.id))/\(attachment.name)",
        bytes: attachment.bytes, content: content)
    }
  }

  /// Writes a prompt's files into the sandbox; done again after a restart, it changes nothing.
  func place(_ prompt: Prompt, in sandbox: any Sandbox) async throws {
    for (index, attachment) in (prompt.attachments ?? []).enumerated() {
      guard let content = try store.read({ try $0.attachment(attachment.digest) }) else {
        throw RookeryError(.internal, "The file “\(attachment.name)” is missing.", mend: "Attach it again.", context: attachment.digest)
      }
      let specification = ProcessSpec(
        id: try ProcessID("attach-\(prompt.id)-\(index)"),
        argv: ["/bin/sh", "-euc", #"mkdir -p "$1"; cat > "$1/$2""#, "attach", attachmentsDirectory(of: prompt.id), attachment.name],
        environment: GitScripts.environment, directory: "/home/agent", account: .agent, input: true)
      let result = try await run(specification, input: content, in: sandbox)
      guard result.exit.succeeded else {
        throw RookeryError(
          .sandboxFailed, "The file “\(attachment.name)” could not be written: \(GitScripts.lastLine(of: result.errorOutput))",
          mend: "See that the sandbox has room.", context: result.errorOutput)
      }
    }
  }

  /// Runs a process that reads `input` to its end; done again after a restart, it is the same run.
  func run(_ specification: ProcessSpec, input: Data, in sandbox: any Sandbox) async throws -> ProcessResult {
    try await sandbox.start(specification)
    var offset = 0
    while offset < input.count {
      let bytes = Array(input.dropFirst(offset).prefix(Self.piece))
      _ = try await sandbox.write(bytes, to: specification.id, at: UInt64(offset))
      offset += bytes.count
    }
    try await sandbox.closeInput(of: specification.id)
    return try await sandbox.run(specification)
  }

  /// A file of a prompt, for those who look at the session.
  func attachment(_ digest: String) throws -> (Attachment, Data) {
    let found = try store.read { transaction -> (Attachment, Data)? in
      guard let content = try transaction.attachment(digest) else { return nil }
      let all = try transaction.prompts().flatMap { $0.attachments ?? [] }
      return all.first { $0.digest == digest }.map { ($0, content) }
    }
    guard let found else {
      throw RookeryError(.notFound, "The session has no such file.", mend: "Its prompts name those that it has.")
    }
    return found
  }
}
