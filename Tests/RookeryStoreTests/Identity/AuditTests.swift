import Foundation
import GRDB
import RookeryModel
import RookeryTestSupport
import Testing

@testable import RookeryStore

@Suite struct AuditTests {
  @Test func entriesAreNumberedAndNeverChange() async throws {
    let directory = try TemporaryDirectory()
    let registry = try Registry(directory: directory.path)
    let ada = try await registry.createUser(name: "Ada", email: "ada@example.org", role: .admin)
    let first = try await registry.audit(.signedIn, by: ada, subject: "ada", origin: "127.0.0.1", detail: ["by": "github"])
    let second = try await registry.audit(.accessMinted, by: nil, subject: "acme/site")
    #expect(second == first + 1)
    let log = try await registry.auditLog(after: 0, limit: 10)
    #expect(log.map(\.action) == [.signedIn, .accessMinted])
    #expect(log[0].actor == ada.id && log[0].name == "Ada" && log[0].origin == "127.0.0.1" && log[0].detail == ["by": "github"])
    #expect(log[1].actor == nil && log[1].name == "Rookery")
    #expect(try await registry.auditLog(after: first, limit: 10).map(\.seq) == [second])
    for statement in ["DELETE FROM audit", "UPDATE audit SET name = 'Eve'"] {
      await #expect(throws: (any Error).self) { try await registry.database.write { try $0.execute(sql: statement) } }
    }
    #expect(try await registry.auditLog(after: 0, limit: 10) == log)
  }

  @Test func anAccountBelongsToOnePerson() async throws {
    let directory = try TemporaryDirectory()
    let registry = try Registry(directory: directory.path)
    let ada = try await registry.createUser(name: "Ada", email: "ada@example.org", role: .admin)
    let bob = try await registry.createUser(name: "Bob", email: "bob@example.org", role: .member)
    #expect(try await !registry.hasLinkedAdmin())
    try await registry.link(number: 7, login: "ada", to: ada.id)
    #expect(try await registry.hasLinkedAdmin())
    try await registry.link(number: 7, login: "ada-new", to: ada.id)
    #expect(try await registry.account(number: 7)?.login == "ada-new")
    await #expect(throws: RookeryError.self) { try await registry.link(number: 7, login: "ada", to: bob.id) }
    // The last admin stays one.
    await #expect(throws: RookeryError.self) { try await registry.setRole(.viewer, of: ada.id) }
    #expect(try await registry.setRole(.admin, of: bob.id).role == .admin)
    #expect(try await registry.setRole(.viewer, of: ada.id).role == .viewer)
    #expect(try await registry.unlinkAccount(of: ada.id))
    #expect(try await registry.account(of: ada.id) == nil)
  }

  @Test func aStateIsGoodOnceAndForTenMinutes() async throws {
    let directory = try TemporaryDirectory()
    let registry = try Registry(directory: directory.path)
    let state = try await registry.beginSignIn(verifier: "v", path: "/x", user: nil)
    #expect(try await registry.takeSignIn(state: state + "x") == nil)
    #expect(try await registry.takeSignIn(state: state) == .init(verifier: "v", path: "/x", user: nil))
    #expect(try await registry.takeSignIn(state: state) == nil)
    let late = try await registry.beginSignIn(verifier: "v", path: "/", user: nil)
    #expect(try await registry.takeSignIn(state: late, now: Date(timeIntervalSinceNow: 601)) == nil)
  }
}
