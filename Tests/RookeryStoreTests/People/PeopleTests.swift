import Foundation
import RookeryModel
import Testing

@testable import RookeryStore

/// A registry in a directory of its own.
private func withRegistry(_ body: (Registry, String) async throws -> Void) async throws {
  let directory = FileManager.default.temporaryDirectory.path + "/rookery-people-" + UserID.random(prefix: "").rawValue
  try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
  defer { try? FileManager.default.removeItem(atPath: directory) }
  try await body(try Registry(directory: directory), directory)
}

@Suite struct PeopleTests {
  @Test func aUserIsFoundByIdAndByAddressWhateverItsCase() async throws {
    try await withRegistry { registry, _ in
      let user = try await registry.createUser(name: " Ada Lovelace ", email: "Ada@example.org", role: .member)
      #expect(user.name == "Ada Lovelace")
      let byID = try await registry.user(user.id)
      #expect(byID.email == "Ada@example.org")
      #expect(byID.role == .member)
      #expect(try await registry.user(email: "ada@EXAMPLE.org")?.id == user.id)
      #expect(try await registry.user(email: "other@example.org") == nil)
      await #expect(throws: RookeryError.self) { try await registry.user(.random(prefix: "u-")) }
      await #expect {
        try await registry.createUser(name: "Other", email: "ADA@example.org", role: .viewer)
      } throws: {
        ($0 as? RookeryError)?.code == .conflict
      }
      #expect(try await registry.users().map(\.id) == [user.id])
    }
  }

  @Test(arguments: [
    ("", "a@b.c"), ("Ada", ""), ("Ada", "ada"), ("Ada", "@b"), ("Ada", "a@"), ("Ada", "a@b@c"), ("Ada", "a b@c"),
    ("Ada\n", "a@b.c"), ("Ada <x>", "a@b.c"), ("Ada", "a@b.c>"), ("Ada\u{202e}", "a@b.c"), ("Ada\0", "a@b.c"),
    (String(repeating: "a", count: 201), "a@b.c"),
  ])
  func whatGitCannotHoldIsRefused(name: String, email: String) async throws {
    try await withRegistry { registry, _ in
      await #expect {
        try await registry.createUser(name: name, email: email, role: .member)
      } throws: {
        ($0 as? RookeryError)?.code == .badRequest
      }
    }
  }

  @Test func theLocalAdminIsMadeOnceAndSurvivesARestart() async throws {
    try await withRegistry { registry, directory in
      #expect(try await registry.localAdmin() == nil)
      let made = try await withThrowingTaskGroup(of: UserID.self) { group in
        for number in 0..<8 {
          group.addTask { try await registry.localAdmin(name: "Operator", email: "operator\(number)@example.org").id }
        }
        return try await group.reduce(into: Set<UserID>()) { $0.insert($1) }
      }
      #expect(made.count == 1)
      let again = try await Registry(directory: directory).localAdmin(name: "Someone", email: "someone@example.org")
      #expect(made == [again.id])
      #expect(again.role == .admin)
      #expect(try await registry.users().count == 1)
    }
  }

  @Test func aMemberWithTheOperatorsAddressBecomesTheFirstAdmin() async throws {
    try await withRegistry { registry, _ in
      let member = try await registry.createUser(name: "Ada", email: "ada@example.org", role: .member)
      let admin = try await registry.localAdmin(name: "Ada", email: "ADA@example.org")
      #expect(admin.id == member.id)
      #expect(try await registry.user(member.id).role == .admin)
    }
  }

  @Test func anAuthorIsMadeOnce() async throws {
    try await withRegistry { registry, _ in
      let author = API.NamedAuthor(name: "Grace Hopper", email: "grace@example.org")
      let first = try await registry.findOrCreateUser(for: author)
      let second = try await registry.findOrCreateUser(for: author)
      #expect(first == second || first.id == second.id)
      #expect(second.role == .member)
    }
  }
}

@Suite struct CredentialTests {
  @Test func aTokenIsGoodForItsUserAndItsKindOnly() async throws {
    try await withRegistry { registry, _ in
      let user = try await registry.createUser(name: "Ada", email: "ada@example.org", role: .member)
      let token = try await registry.issueCredential(.token, for: user.id, purpose: "web:laptop", expires: nil)
      let cookie = try await registry.issueCredential(.cookie, for: user.id, purpose: "browser", expires: nil)
      #expect(token.text.hasPrefix("rky_"))
      #expect(token.text.utf8.count == 4 + 43)
      #expect(try await registry.authenticate(token.text, as: .token)?.id == user.id)
      #expect(try await registry.authenticate(cookie.text, as: .cookie)?.id == user.id)
      #expect(try await registry.authenticate(token.text, as: .cookie) == nil)
      #expect(try await registry.authenticate(cookie.text, as: .token) == nil)
      #expect(try await registry.authenticate("rky_" + cookie.text.dropFirst(4), as: .token) == nil)
      #expect(try await registry.authenticate("", as: .token) == nil)
      #expect(try await registry.authenticate("rky_" + String(repeating: "x", count: 100_000), as: .token) == nil)
      #expect(try await registry.credentials(.token, of: user.id).map(\.purpose) == ["web:laptop"])
      #expect(try await registry.credentials(.token, of: user.id).map(\.id) == [token.summary.id])
    }
  }

  @Test func theSecretItselfIsNotInTheDatabase() async throws {
    try await withRegistry { registry, directory in
      let user = try await registry.createUser(name: "Ada", email: "ada@example.org", role: .member)
      let token = try await registry.issueCredential(.token, for: user.id, purpose: "laptop", expires: nil)
      let code = try await registry.issueLoginCode(for: user.id)
      let files = try FileManager.default.contentsOfDirectory(atPath: directory)
      #expect(!files.isEmpty)
      for file in files {
        let bytes = try Data(contentsOf: URL(fileURLWithPath: directory + "/" + file))
        #expect(bytes.range(of: Data(token.text.utf8)) == nil)
        #expect(bytes.range(of: Data(token.text.dropFirst(4).utf8)) == nil)
        #expect(bytes.range(of: Data(code.utf8)) == nil)
      }
    }
  }

  @Test func anExpiredTokenIsNothing() async throws {
    try await withRegistry { registry, _ in
      let user = try await registry.createUser(name: "Ada", email: "ada@example.org", role: .member)
      let token = try await registry.issueCredential(
        .token, for: user.id, purpose: "old", expires: Date(timeIntervalSinceNow: -1))
      #expect(try await registry.authenticate(token.text, as: .token) == nil)
      #expect(try await registry.credentials(.token, of: user.id).isEmpty)
    }
  }

  @Test func onesOwnTokenIsRevokedByIdAndNobodyElses() async throws {
    try await withRegistry { registry, _ in
      let ada = try await registry.createUser(name: "Ada", email: "ada@example.org", role: .member)
      let mallory = try await registry.createUser(name: "Mallory", email: "m@example.org", role: .admin)
      let token = try await registry.issueCredential(.token, for: ada.id, purpose: "laptop", expires: nil)
      await #expect {
        try await registry.revokeCredential(.token, id: token.summary.id, of: mallory.id)
      } throws: {
        ($0 as? RookeryError)?.code == .notFound
      }
      #expect(try await registry.authenticate(token.text, as: .token) != nil)
      try await registry.revokeCredential(.token, id: token.summary.id, of: ada.id)
      #expect(try await registry.authenticate(token.text, as: .token) == nil)
    }
  }

  @Test func signingOutForgetsTheCookie() async throws {
    try await withRegistry { registry, _ in
      let user = try await registry.createUser(name: "Ada", email: "ada@example.org", role: .member)
      let cookie = try await registry.issueCredential(.cookie, for: user.id, purpose: "browser", expires: nil)
      try await registry.revokeCredential(.cookie, text: cookie.text)
      #expect(try await registry.authenticate(cookie.text, as: .cookie) == nil)
    }
  }

  @Test func ofManyWhoRedeemALoginCodeAtOnceOneGetsIn() async throws {
    try await withRegistry { registry, _ in
      let user = try await registry.createUser(name: "Ada", email: "ada@example.org", role: .member)
      let code = try await registry.issueLoginCode(for: user.id)
      let winners = try await withThrowingTaskGroup(of: User?.self) { group in
        for _ in 0..<32 { group.addTask { try await registry.redeemLoginCode(code) } }
        return try await group.reduce(into: [User]()) { all, user in if let user { all.append(user) } }
      }
      #expect(winners.map(\.id) == [user.id])
      #expect(try await registry.redeemLoginCode(code) == nil)
    }
  }

  @Test(arguments: [(599.0, true), (600.0, false), (3600.0, false)])
  func aLoginCodeLivesTenMinutes(age: TimeInterval, good: Bool) async throws {
    try await withRegistry { registry, _ in
      let user = try await registry.createUser(name: "Ada", email: "ada@example.org", role: .member)
      let start = Date()
      let code = try await registry.issueLoginCode(for: user.id, now: start)
      let redeemed = try await registry.redeemLoginCode(code, now: start.addingTimeInterval(age))
      #expect((redeemed != nil) == good)
    }
  }
}
