import Foundation
import RookeryModel
import RookeryStore

/// What several people do in one session.
extension SessionEngine {
  private static let maximumFiles = 10
  private static let maximumFileBytes = 40 << 20

  package func admit(_ user: User, to session: SessionID, as needed: SessionRole) async throws {
    try await self.session(session).admit(user, as: needed)
  }

  package func edit(
    _ session: SessionID, prompt: PromptID, _ request: API.EditPrompt, by user: User
  ) async throws -> API.PromptReceipt {
    _ = try Self.checked(request.text ?? "unchanged", requestId: request.requestId)
    return try await using(session) { try await $0.edit(prompt, request, by: user.author) }
  }

  package func answer(
    _ session: SessionID, permission: String, _ request: API.AnswerPermission, by user: User
  ) async throws {
    try await using(session) { try await $0.answer(permission, option: request.option, by: user.author) }
  }

  package func join(_ session: SessionID, secret: Secret, by user: User) async throws {
    try await using(session) { try await $0.join(by: secret, user) }
  }

  package func invite(
    _ session: SessionID, _ request: API.CreateInvitation, by user: User
  ) async throws -> (Invitation, Secret) {
    try await using(session) { try await $0.invite(request, by: user) }
  }

  package func invitations(_ session: SessionID) async throws -> [Invitation] { try await self.session(session).invitations() }

  package func revoke(_ session: SessionID, invitation: String) async throws {
    try await using(session) { try await $0.revoke(invitation) }
  }

  package func setRole(_ session: SessionID, of participant: UserID, _ role: SessionRole, by user: User) async throws {
    try await using(session) { try await $0.setRole(role, of: participant, by: user) }
  }

  package func remove(_ session: SessionID, participant: UserID, by user: User) async throws {
    try await using(session) { try await $0.remove(participant, by: user) }
  }

  package func setAccess(_ session: SessionID, _ access: SessionAccess, by user: User) async throws {
    try await using(session) { try await $0.setAccess(access, by: user) }
  }

  // MARK: Files

  package func upload(_ content: Data, name: String, mediaType: String, by user: User) async throws -> Attachment {
    try await services.uploads.add(content, name: name, mediaType: mediaType, by: user.id)
  }

  package func attachment(_ session: SessionID, digest: String) async throws -> (Attachment, Data) {
    try await self.session(session).attachment(digest)
  }

  /// Files that `user` uploaded, under names that differ.
  func files(_ digests: [String]?, of user: User) async throws -> [(attachment: Attachment, content: Data)] {
    let digests = digests ?? []
    guard digests.count <= Self.maximumFiles else {
      throw RookeryError(.badRequest, "A prompt has at most \(Self.maximumFiles) files.", mend: "Send more with another prompt.")
    }
    var files: [(attachment: Attachment, content: Data)] = []
    for digest in digests {
      var (attachment, content) = try await services.uploads.get(digest, of: user.id)
      if files.contains(where: { $0.attachment.name == attachment.name }) { attachment.name = "\(files.count + 1)-\(attachment.name)" }
      files.append((attachment, content))
    }
    guard files.reduce(0, { $0 + $1.content.count }) <= Self.maximumFileBytes else {
      throw RookeryError(
        .tooLarge, "The files of a prompt have at most \(Self.maximumFileBytes >> 20) MiB together.", mend: "Send some with another prompt."
      )
    }
    return files
  }
}

extension SessionServices {
  /// Files that wait for a prompt: beside the sessions.
  var uploads: Uploads {
    Uploads(registry: registry, directory: (directory as NSString).deletingLastPathComponent + "/uploads")
  }
}
