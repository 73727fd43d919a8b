import Foundation
import RookeryCommands
import RookeryModel
import RookeryTestSupport
import Testing

/// From a prompt to a pushed branch, with the parts that users have.
@Suite(.serialized, .system(repositories: ["site", "empty-handed"])) struct MainPathTests {
  @Test(.timeLimit(.minutes(5))) func aCommandBecomesAPushedCommitByItsAuthor() async throws {
    let system = try RunningSystem.get()
    let session = try await system.begin("echo 'made by a script' > made.txt; echo done", author: system.ada)
    let log = try await system.finished(session)
    #expect(log.results.map(\.result) == [.completed])
    #expect(log.map(\.seq) == Array(1...Int64(log.count)))
    #expect(log.output() == "done\n")

    let commits = try await system.git.log(of: "site", ref: "rookery/\(session)")
    #expect(commits.first?.authorName == "Ada Lovelace")
    #expect(commits.first?.authorEmail == "ada@example.com")
    #expect(try await system.git.show("site", ref: "rookery/\(session)", path: "made.txt") == "made by a script\n")
    let steps = log.compactMap { if case .stepFinished(let step) = $0.payload { step.step } else { nil } }
    #expect(steps == [.sandbox, .checkout, .work, .commit, .push, .pullRequest, .snapshot])
    // Everything that the turn left is in the snapshot that its end names.
    let taken = log.compactMap { if case .snapshotTaken(let body) = $0.payload { body.snapshot } else { nil } }
    #expect(taken.count == 1 && log.results.first?.snapshot == taken.first)
  }

  @Test(.timeLimit(.minutes(5))) func aFollowUpGoesOnInTheSameBranch() async throws {
    let system = try RunningSystem.get()
    let session = try await system.begin("echo one > one.txt; echo ignored > keep; echo keep > .git/info/exclude")
    _ = try await system.finished(session)
    _ = try await system.prompt(session, "cat one.txt; echo two > two.txt")
    let log = try await system.finished(session, turns: 2)
    #expect(log.results.map(\.result) == [.completed, .completed])
    #expect(log.output() == "one\n")
    #expect(try await system.git.log(of: "site", ref: "rookery/\(session)").count == system.git.log(of: "site", ref: "main").count + 2)
  }

  @Test(.timeLimit(.minutes(5))) func twoSessionsSideBySideDoNotTouchEachOther() async throws {
    let system = try RunningSystem.get()
    async let first = system.begin("echo first > file.txt; sleep 1; cat file.txt; ls /workspace")
    async let second = system.begin("echo second > file.txt; sleep 1; cat file.txt; ls /workspace")
    let sessions = try await [first, second]
    let logs = try await [system.finished(sessions[0]), system.finished(sessions[1])]
    #expect(logs[0].output() == "first\nsite\n")
    #expect(logs[1].output() == "second\nsite\n")
    #expect(try await system.git.show("site", ref: "rookery/\(sessions[0])", path: "file.txt") == "first\n")
    #expect(try await system.git.show("site", ref: "rookery/\(sessions[1])", path: "file.txt") == "second\n")
  }

  @Test(.timeLimit(.minutes(5))) func aRequestThatIsRepeatedRunsOnce() async throws {
    let system = try RunningSystem.get()
    let session = try await system.begin("true")
    _ = try await system.finished(session)
    let request = UUID().uuidString
    let receipts = try await [
      system.prompt(session, "echo once", requestId: request), system.prompt(session, "echo once", requestId: request),
    ]
    #expect(receipts[0] == receipts[1])
    let error = await #expect(throws: RookeryError.self) { try await system.prompt(session, "echo twice", requestId: request) }
    #expect(error?.code == .conflict)
    let log = try await system.finished(session, turns: 2)
    #expect(log.output() == "once\n")
  }

  @Test(.timeLimit(.minutes(5))) func aStopKeepsTheWorkAndTheSession() async throws {
    let system = try RunningSystem.get()
    let session = try await system.begin("echo half > half.txt; echo started; sleep 300")
    try await eventually(timeout: .seconds(60), "the command runs") { try await system.log(session).output() == "started\n" }
    try await system.api { try await $0.send(.POST, "/v1/sessions/\(session)/stop") }
    let log = try await system.finished(session, timeout: .seconds(60))
    #expect(log.results.first?.result == .interrupted)
    #expect(log.kinds.contains("work.saved"))
    // Unfinished work is ours to keep, not the forge's to see.
    #expect(try await system.git.refs(of: "site").keys.allSatisfy { !$0.contains("\(session)") })
    _ = try await system.prompt(session, "cat half.txt")
    #expect(try await system.finished(session, turns: 2).output() == "started\nhalf\n")
  }

  @Test(.timeLimit(.minutes(5))) func onlyTheSessionsOwnBranchCanBePushed() async throws {
    let system = try RunningSystem.get()
    let before = try await system.git.refs(of: "site")["refs/heads/main"]
    let session = try await system.begin(
      """
      git commit --allow-empty -qm sneaky
      git push origin HEAD:main 2>&1 && echo PUSHED MAIN
      git push http://git.rookery.internal:61418/empty-handed.git HEAD:main 2>&1 && echo PUSHED OTHER
      git remote -v
      env; cat /proc/self/environ | tr '\\0' '\\n'; git config --list; cat ~/.gitconfig ~/.netrc 2>/dev/null
      true
      """)
    let log = try await system.finished(session)
    let output = log.output()
    #expect(!output.contains("PUSHED"))
    #expect(!output.contains(RunningSystem.gitPassword))
    #expect(!output.contains(RunningSystem.modelKey))
    #expect(try await system.git.refs(of: "site")["refs/heads/main"] == before)
  }

  @Test(
    .timeLimit(.minutes(5)),
    arguments: [
      "cat /etc/shadow && test -s /etc/shadow && echo SAW",
      "ls /var/lib/rookery /var/cache/rookery /work 2>/dev/null && echo SAW",
      "exec 3<>/dev/tcp/127.0.0.1/22 && echo SAW", "test $(ls -d /proc/[0-9]* | wc -l) -gt 20 && echo SAW",
    ]) func theHostDoesNotShow(_ probe: String) async throws
  {
    let system = try RunningSystem.get()
    let session = try await system.begin("bash -c '\(probe.replacingOccurrences(of: "'", with: "'\\''"))' || true")
    #expect(try await !system.finished(session).output().contains("SAW"))
  }
}
