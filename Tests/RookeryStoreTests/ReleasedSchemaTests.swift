import Foundation
import GRDB
import RookeryModel
import RookeryTestSupport
import Testing

@testable import RookeryStore

/// This version opens what every released one left.
@Suite struct ReleasedSchemaTests {
  private static let old = "s-old"

  @Test(arguments: [ReleasedSchemas.session1, ReleasedSchemas.session2]) func aSessionOfAnEarlierVersionOpens(schema: String) throws {
    let directory = try TemporaryDirectory(prefix: "rookery-schema")
    try FileManager.default.createDirectory(atPath: directory.path(Self.old), withIntermediateDirectories: true)
    try Self.make(directory.path("\(Self.old)/session.sqlite"), schema)
    let session = try SessionID(Self.old)
    let store = try SessionStore(directory: directory.path, session: session, create: false, epoch: 7)
    let events = try store.read { try $0.events(after: 0, limit: 10, bytes: 1 << 20) }
    #expect(
      try events.map { try JSON.decode(Event.self, from: $0.json).payload.kind } == ["session.created", "prompt.queued", "turn.finished"])
    #expect(try store.read { try $0.request("u-1/r1") }?.seq == 2)
    #expect(try store.read { try $0.prompts() }.map(\.state) == [.completed])
    #expect(try store.read { try $0.alarms() }.map(\.name) == ["release"])
    #expect(try store.read { try $0.snapshots() }.count == (schema == ReleasedSchemas.session1 ? 0 : 1))
    // And it goes on.
    try store.write { transaction in
      let event = try transaction.append(.notice(.init(level: .info, text: "new")), turn: nil, at: Date())
      #expect(event.seq == 4)
      try transaction.addSnapshot(StoredSnapshot(id: SnapshotID("s-old-t2"), seq: 4, turn: nil, created: Date()))
    }
    #expect(try store.read { try $0.meta() }?.generation == 1)
  }

  @Test(arguments: [ReleasedSchemas.registry1, ReleasedSchemas.registry4])
  func aRegistryOfAnEarlierVersionOpens(schema: String) async throws {
    let directory = try TemporaryDirectory(prefix: "rookery-schema")
    try Self.make(directory.path("registry.sqlite"), schema)
    let registry = try Registry(directory: directory.path)
    #expect(try await registry.users().map(\.email) == ["ada@example.org"])
    let repository = try await registry.repository(try RepositoryName("site"))
    #expect(repository.image?.commit == "abc")
    #expect(try await registry.buildLines(of: try ImageID("i-1"), after: 0, limit: 10).map(\.text) == ["done"])
    let (session, _) = try registry.intend(
      request: "u-1/r1", body: Data("{}".utf8), session: try SessionID("s-new"), user: try UserID("u-1"))
    #expect(session.rawValue == Self.old)
    #expect(try registry.buried().map(\.rawValue) == (schema == ReleasedSchemas.registry1 ? [] : ["s-gone"]))
    #expect(try await registry.warmSandboxes().count == (schema == ReleasedSchemas.registry1 ? 0 : 1))
    #expect(try registry.beginEpoch() > 1)
  }

  private static func make(_ path: String, _ schema: String) throws {
    let queue = try DatabaseQueue(path: path)
    try queue.write { try $0.execute(sql: schema) }
    try queue.close()
  }
}
