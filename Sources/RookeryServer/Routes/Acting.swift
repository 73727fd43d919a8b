import Foundation
import RookeryModel
import RookeryStore

/// On whose behalf a request is made, and what it may hold.
enum Acting {
  /// The caller, or the named author when the caller is an admin: that user is made when there is none of that address.
  static func author(_ named: API.NamedAuthor?, caller: User, registry: Registry) async throws -> User {
    guard let named else { return caller }
    guard caller.role == .admin else {
      throw RookeryError(.forbidden, "Only an admin may name another author.", mend: "Leave “author” out, or ask an admin.")
    }
    return try await registry.findOrCreateUser(for: named)
  }

  /// Throws when a prompt is empty or too long, or its request id can't be one.
  static func check(prompt: String, requestId: String) throws {
    guard (1...200).contains(requestId.utf8.count), requestId.utf8.allSatisfy({ (0x21...0x7e).contains($0) }) else {
      throw RookeryError(.badRequest, "“requestId” must be 1 to 200 printable ASCII characters.", mend: "A random UUID is a good one.")
    }
    guard prompt.utf8.count <= RequestBodyLimit.prompt else {
      throw RookeryError(
        .tooLarge, "The prompt has \(prompt.utf8.count) bytes; the limit is \(RequestBodyLimit.prompt).",
        mend: "Put long material into the repository and point to it.")
    }
    guard prompt.contains(where: { !$0.isWhitespace }) else {
      throw RookeryError(.badRequest, "The prompt is empty.", mend: "Say what should be done.")
    }
  }
}
