import Foundation
import RookeryModel
import RookeryTestSupport
import Testing

@testable import RookeryRehearsal

@Suite struct RehearsalScriptTests {
  @Test func readsAScript() throws {
    let directory = try TemporaryDirectory()
    let path = try directory.write(
      #"{"name":"n","pace_ms":5,"steps":[{"expect":"please"},{"say":"a"},{"run":"ls"},{"expect":"x"},{"write":{"path":"p","content":"c"}},{"finish":"done"},{"finish":"again"}]}"#,
      to: "script.json")
    let script = try RehearsalScript.load(path)
    #expect(script.pace == 5)
    #expect(try JSON.decode(RehearsalScript.self, from: JSON.encode(script)) == script)
    let turns = try script.turns()
    #expect(turns.count == 2)
    #expect(turns[0].prompts == ["please"])
    #expect(
      turns[0].moves == [
        .init(says: "a", action: .run("ls"), expects: ["x"]), .init(says: "", action: .write(path: "p", content: "c")),
        .init(says: "", action: .check(path: "p", content: "c")),
      ])
    #expect(turns[1].finish == "again")
  }

  @Test(arguments: [
    "", "[]", "{}", #"{"steps":[]}"#, #"{"steps":[{"run":"ls"}]}"#, #"{"steps":[{"dance":"x"},{"finish":"x"}]}"#,
    #"{"steps":[{"run":"ls","say":"x"},{"finish":"x"}]}"#, #"{"steps":[{"write":{"path":"p"}},{"finish":"x"}]}"#,
    #"{"steps":[{"finish":"x"},{"say":"trailing"}]}"#,
  ])
  func refuses(text: String) throws {
    let directory = try TemporaryDirectory()
    let path = try directory.write(text, to: "script.json")
    do {
      _ = try RehearsalScript.load(path)
      Issue.record("taken")
    } catch {
      #expect((error as? RookeryError)?.code == .configurationInvalid)
    }
  }

  @Test func saysThatAFileIsMissing() {
    #expect(throws: RookeryError.self) { try RehearsalScript.load("/nonexistent/script.json") }
  }

  @Test func theDemoIsAScript() throws {
    #expect(try RehearsalScript.demo.turns().count == 1)
  }
}

@Suite struct RehearsalProofTests {
  @Test(arguments: ["", "a", "hello\n", "é\n\u{0}x", String(repeating: "0123456789", count: 7000)])
  func checksumsAsTheCommandDoes(text: String) async throws {
    let result = try await Command.run(["cksum"], input: Array(text.utf8))
    let bytes = Array(text.utf8)
    #expect(result.output == "\(RehearsalProof.checksum(bytes)) \(bytes.count)\n")
  }

  @Test(arguments: [("true", 0), ("exit 3", 3), ("printf 'a\\nb'\nfalse", 1), ("echo 'it''s'", 0)])
  func provesThatACommandRan(command: String, status: Int) async throws {
    let proof = RehearsalProof.random()
    let wrapped = proof.wrap(command)
    #expect(RehearsalProof(in: wrapped) == proof)
    let directory = try TemporaryDirectory()
    let result = try await Command.run(["sh", "-c", wrapped], in: directory.path)
    #expect(proof.outcome(in: result.output) == .init(status: status, directory: directory.path))
    // The command's own text proves nothing.
    #expect(proof.outcome(in: wrapped) == nil)
    #expect(RehearsalProof.random().outcome(in: result.output) == nil)
  }
}
