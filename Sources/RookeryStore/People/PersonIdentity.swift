import Foundation
import RookeryModel

/// A name and an address that can stand in a git commit.
struct PersonIdentity: Sendable {
  let name: String
  let email: String

  /// Throws `badRequest` when one of them is empty, longer than 200 bytes, or holds what git's format can't.
  init(name: String, email: String) throws {
    let name = name.trimmingCharacters(in: .whitespaces)
    let email = email.trimmingCharacters(in: .whitespaces)
    func fits(_ text: String) -> Bool {
      (1...200).contains(text.utf8.count)
        && text.unicodeScalars.allSatisfy { scalar in
          !["<", ">", "\u{2028}", "\u{2029}"].contains(scalar)
            && scalar.properties.generalCategory != .control && scalar.properties.generalCategory != .format
        }
    }
    guard fits(name) else {
      throw RookeryError(
        .badRequest, "That name can't be used for commits.", mend: "Give 1 to 200 bytes without “<”, “>” or control characters.")
    }
    let parts = email.split(separator: "@", omittingEmptySubsequences: false)
    guard fits(email), parts.count == 2, !parts[0].isEmpty, !parts[1].isEmpty, !email.contains(" ") else {
      throw RookeryError(.badRequest, "“\(email.prefix(80))” is not an e-mail address.", mend: "Give one like name@example.org.")
    }
    self.name = name
    self.email = email
  }
}
