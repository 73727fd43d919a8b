import Foundation
import RookeryCommands
import RookeryModel
import RookeryTestSupport
import Testing

/// The disk of the databases is full: prompts are refused with the cause, reading goes on, nothing that was acknowledged is lost,
/// and with room again everything goes on by itself.
@Suite(.serialized, .system(databaseSize: "40m")) struct FullDiskTests {
  private func fill(_ system: RunningSystem) throws -> String {
    let path = system.data + "/serve/filler"
    _ = FileManager.default.createFile(atPath: path, contents: nil)
    let file = try #require(FileHandle(forWritingAtPath: path))
    defer { try? file.close() }
    // In ever smaller pieces, to the last byte.
    for size in [1 << 20, 1 << 12, 1] {
      let piece = Data(repeating: 0x78, count: size)
      while (try? file.write(contentsOf: piece)) != nil {}
    }
    return path
  }

  @Test(.timeLimit(.minutes(5))) func promptsAreRefusedWithTheCauseAndReadingGoesOn() async throws {
    let system = try RunningSystem.get()
    let session = try await system.begin("echo before > before.txt")
    let before = try await system.finished(session)
    let filler = try fill(system)
    let error = await #expect(throws: RookeryError.self) {
      // One commit may still fit into pages that the file has.
      for number in 0..<200 { _ = try await system.prompt(session, "echo refused \(number) \(String(repeating: "x", count: 8000))") }
    }
    #expect(error?.code == .diskFull)
    #expect(error?.mend.isEmpty == false)
    #expect(Array(try await system.log(session).prefix(before.count)) == before)
    #expect(try await system.detail(session).session.id == session)

    try FileManager.default.removeItem(atPath: filler)
    let acknowledged = try await system.prompt(session, "cat before.txt; echo after")
    try await eventually(timeout: .seconds(120), "the prompt runs") {
      try await system.detail(session).prompts.contains { $0.id == acknowledged.prompt && $0.state == .completed }
    }
    let log = try await system.log(session)
    #expect(log.map(\.seq) == Array(1...Int64(log.count)))
    #expect(log.output().hasSuffix("before\nafter\n"))
  }

  /// What the agent does meanwhile waits in the sandbox.
  @Test(.timeLimit(.minutes(5))) func aRunningTurnWaitsForRoomAndLosesNothing() async throws {
    let system = try RunningSystem.get()
    let lines = (1...400).map { "line \($0) \(String(repeating: "y", count: 200))\n" }.joined()
    let session = try await system.begin(
      "for i in $(seq 1 400); do echo \"line $i \(String(repeating: "y", count: 200))\"; sleep 0.01; done; echo new > new.txt")
    try await eventually(timeout: .seconds(60), "the command prints") { try await system.log(session).output().contains("line 5 ") }
    let filler = try fill(system)
    // Until the log stands still: all that could be stored is stored.
    var count = -1
    try await eventually(timeout: .seconds(60), "the log stands still") {
      let now = try await system.log(session).count
      defer { count = now }
      try await Task.sleep(for: .seconds(2))
      return now == count
    }
    #expect(!(try await system.log(session).kinds.contains("turn.finished")))
    try FileManager.default.removeItem(atPath: filler)
    let log = try await system.finished(session)
    #expect(log.results.map(\.result) == [.completed])
    #expect(log.output() == lines)
    #expect(log.map(\.seq) == Array(1...Int64(log.count)))
    #expect(try await system.git.show("site", ref: "rookery/\(session)", path: "new.txt") == "new\n")
  }
}
