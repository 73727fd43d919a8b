import Foundation
import RookeryModel
import RookeryTestSupport
import Testing

@testable import RookeryStore

@Suite struct RegistryRepositoriesTests {
  private let directory: TemporaryDirectory
  private let registry: Registry
  private let app: RepositoryName
  private let time = Date(timeIntervalSince1970: 1_700_000_000)

  init() throws {
    directory = try TemporaryDirectory()
    registry = try Registry(directory: directory.path)
    app = try RepositoryName("app")
  }

  private func repository(_ name: RepositoryName) -> Repository {
    Repository(
      name: name, url: "https://example.org/\(name)", defaultBranch: "main", description: "words", hints: ["a", "“b”"],
      agent: AgentName(rawValue: "command"), added: time)
  }

  private func image(_ text: String) throws -> ImageID { try ImageID(text) }

  private func built(_ image: ImageID) -> Registry.BuiltImage {
    Registry.BuiltImage(
      summary: ImageSummary(id: image, commit: "c-\(image)", environmentDigest: "d", created: time.addingTimeInterval(9)),
      environment: #"{"setup":[]}"#)
  }

  @Test func keepsWhatWasAdded() async throws {
    try await registry.insert(repository(app))
    #expect(try await registry.repository(app) == repository(app))
    #expect(try await registry.repositories() == [repository(app)])
    let reopened = try Registry(directory: directory.path)
    #expect(try await reopened.repositories() == [repository(app)])
  }

  @Test func aNameIsTakenOnce() async throws {
    try await registry.insert(repository(app))
    let error = await #expect(throws: RookeryError.self) { try await registry.insert(repository(app)) }
    #expect(error?.code == .conflict)
  }

  @Test func unknownNamesAreTyped() async throws {
    let gone = try RepositoryName("gone")
    for call in [
      { _ = try await registry.repository(gone) }, { try await registry.removeRepository(gone) },
      { try await registry.beginBuild(ImageID("i-1"), of: gone, at: time) },
    ] as [@Sendable () async throws -> Void] {
      let error = await #expect(throws: RookeryError.self) { try await call() }
      #expect(error?.code == .repositoryUnknown)
    }
  }

  @Test func aBuildServesOnlyOnceItSucceeded() async throws {
    try await registry.insert(repository(app))
    let (first, second, third) = (try image("i-1"), try image("i-2"), try image("i-3"))
    try await registry.beginBuild(first, of: app, at: time)
    #expect(try await registry.repository(app).image == nil)
    #expect(try await registry.repository(app).lastBuild == BuildSummary(image: first, state: .running, started: time, reason: .request))
    try await registry.finishBuild(first, with: built(first), at: time.addingTimeInterval(9))
    #expect(try await registry.repository(app).image == built(first).summary)

    try await registry.beginBuild(second, of: app, at: time.addingTimeInterval(20))
    let failure = RookeryError(.setupFailed, "exit 3", mend: "see the log")
    try await registry.failBuild(second, with: failure, at: time.addingTimeInterval(21))
    let after = try await registry.repository(app)
    #expect(after.image == built(first).summary, "the earlier image serves on")
    #expect(after.lastBuild?.error == failure)
    #expect(after.lastBuild?.finished == time.addingTimeInterval(21))

    try await registry.beginBuild(third, of: app, at: time.addingTimeInterval(30))
    try await registry.finishBuild(third, with: built(third), at: time.addingTimeInterval(31))
    #expect(try await registry.currentImage(of: app)?.summary.id == third)
    #expect(try await registry.currentImage(of: app)?.environment == #"{"setup":[]}"#)
  }

  @Test func aBuildEndsOnce() async throws {
    try await registry.insert(repository(app))
    let first = try image("i-1")
    try await registry.beginBuild(first, of: app, at: time)
    try await registry.failBuild(first, with: RookeryError(.interrupted, "stopped"), at: time)
    let error = await #expect(throws: RookeryError.self) { try await registry.finishBuild(first, with: built(first), at: time) }
    #expect(error?.code == .conflict)
    #expect(try await registry.currentImage(of: app) == nil)
  }

  @Test func whatACrashLeftRunningFails() async throws {
    try await registry.insert(repository(app))
    let first = try image("i-1")
    try await registry.beginBuild(first, of: app, at: time)
    let reopened = try Registry(directory: directory.path)
    let failed = try await reopened.failRunningBuilds(with: RookeryError(.interrupted, "the server stopped"), at: time)
    #expect(failed == [first])
    #expect(try await reopened.build(first)?.state == .failed)
    #expect(try await reopened.failRunningBuilds(with: RookeryError(.interrupted, "again"), at: time).isEmpty)
  }

  @Test func linesAreKeptInOrderAndOnce() async throws {
    try await registry.insert(repository(app))
    let first = try image("i-1")
    try await registry.beginBuild(first, of: app, at: time)
    let lines = (1...10).map { BuildLine(number: $0, step: "setup 1/1", text: "line \($0)") }
    try await registry.append(Array(lines[..<6]), to: first)
    try await registry.append(Array(lines[4...]), to: first)
    #expect(try await registry.buildLines(of: first, after: 0, limit: 100) == lines)
    #expect(try await registry.buildLines(of: first, after: 3, limit: 2) == Array(lines[3..<5]))
    try await registry.append(lines, to: try image("i-unknown"))
    try await registry.removeRepository(app)
    #expect(try await registry.buildLines(of: first, after: 0, limit: 100).isEmpty)
  }

  @Test func oldBuildsGoButTheServingOneStays() async throws {
    try await registry.insert(repository(app))
    let first = try image("i-0")
    try await registry.beginBuild(first, of: app, at: time)
    try await registry.finishBuild(first, with: built(first), at: time)
    for number in 1...(Registry.keptBuilds + 5) {
      let next = try image("i-\(number)")
      try await registry.beginBuild(next, of: app, at: time.addingTimeInterval(Double(number)))
      try await registry.failBuild(next, with: RookeryError(.setupFailed, "no"), at: time)
    }
    #expect(try await registry.build(try image("i-1")) == nil)
    #expect(try await registry.currentImage(of: app)?.summary.id == first)
    #expect(try await registry.repository(app).lastBuild?.image == ImageID("i-\(Registry.keptBuilds + 5)"))
  }

  @Test func failuresAreCountedSinceTheLastGoodBuild() async throws {
    try await registry.insert(repository(app))
    let failure = RookeryError(.setupFailed, "no")
    func fail(_ number: Int, _ error: RookeryError) async throws {
      let image = try ImageID("i-\(number)")
      try await registry.beginBuild(image, of: app, reason: .schedule, at: time.addingTimeInterval(Double(number)))
      try await registry.failBuild(image, with: error, at: time.addingTimeInterval(Double(number)))
    }
    try await fail(1, failure)
    try await fail(2, failure)
    try await fail(3, RookeryError(.interrupted, "stopped"))
    #expect(try await registry.repository(app).failures == 2)
    #expect(try await registry.repository(app).lastBuild?.reason == .schedule)
    let same = try ImageID("i-4")
    try await registry.beginBuild(same, of: app, at: time.addingTimeInterval(4))
    try await registry.endUnchanged(same, at: time.addingTimeInterval(4))
    #expect(try await registry.repository(app).failures == nil)
    #expect(try await registry.repository(app).lastBuild?.state == .unchanged)
    try await fail(5, failure)
    #expect(try await registry.repository(app).failures == 1)
  }

  @Test func aRandomKeyStaysTheSame() async throws {
    let key = try await registry.randomKey("one")
    #expect(key.count == 32)
    #expect(try await registry.randomKey("one") == key)
    #expect(try await registry.randomKey("two") != key)
  }
}
