import Foundation
import RookeryModel
import RookeryStore

/// Sessions and repositories that look like real ones, for what is looked at.
enum SampleSession {
  private static let diff = """
    diff --git a/Sources/Atlas/Paging.swift b/Sources/Atlas/Paging.swift
    index 3f1c2aa..8be9d01 100644
    --- a/Sources/Atlas/Paging.swift
    +++ b/Sources/Atlas/Paging.swift
    @@ -18,9 +18,10 @@ struct Paging {
       let size: Int
     
       /// The range of rows on a page.
    -  func range(of page: Int) -> Range<Int> {
    -    let start = page * size
    -    return start..<(start + size - 1)
    +  func range(of page: Int, total: Int) -> Range<Int> {
    +    let start = min(page * size, total)
    +    // A half-open range already leaves out its end.
    +    return start..<min(start + size, total)
       }
     }
    diff --git a/Tests/AtlasTests/PagingTests.swift b/Tests/AtlasTests/PagingTests.swift
    new file mode 100644
    --- /dev/null
    +++ b/Tests/AtlasTests/PagingTests.swift
    @@ -0,0 +1,5 @@
    +import Testing
    +
    +@Test func theLastPageIsWhole() {
    +  #expect(Paging(size: 10).range(of: 2, total: 25) == 20..<25)
    +}

    """

  /// A session whose first turn is done; a second prompt waits.
  static func make(_ server: TestServer) async throws -> SessionID {
    try await fillRepositories(server)
    let prompt =
      "The last row of every page in the atlas listing is missing.\nFind out why, fix it, and add a test that would have caught it."
    let body = API.CreateSession(requestId: UUID().uuidString, repository: try RepositoryName("atlas"), prompt: prompt)
    let user = try await server.registry.findOrCreateUser(for: .init(name: "Grace Hopper", email: "grace@example.org"))
    let sessions = server.sessions
    let id = try await sessions.create(body, by: user).session
    await sessions.setTitle(id, "The last row of every page in the atlas listing is missing.")
    let start = Date(timeIntervalSinceNow: -700)
    let turn = await sessions.startTurn(id, at: start)
    for payload in try payloads(user) { await sessions.append(id, payload, turn: turn, at: start) }
    let artifact = Artifact(
      id: .random(prefix: "a-"), kind: .diff, name: "changes.diff", mediaType: "text/x-diff", bytes: diff.utf8.count,
      digest: String(repeating: "0", count: 64))
    await sessions.addArtifact(id, artifact, Data(diff.utf8), turn: turn, at: start)
    await sessions.append(
      id, .branchPushed(.init(branch: "rookery/\(id)", commit: "8be9d01c4", remote: "https://git.example.org/team/atlas.git")), turn: turn)
    await sessions.setPullRequest(
      id,
      PullRequest(
        number: 412, url: "https://git.example.org/team/atlas/pull/412", title: "Show the last row of every page", author: "grace"),
      turn: turn)
    await sessions.append(id, .usage(.init(inputTokens: 48_211, outputTokens: 2_930, requests: 9)), turn: turn)
    await sessions.finishTurn(id, at: start.addingTimeInterval(94))
    _ = try await sessions.prompt(
      id, .init(requestId: UUID().uuidString, text: "Now do the same for the search results, please."), by: user)
    return id
  }

  private static func payloads(_ user: User) throws -> [EventPayload] {
    [
      .stepFinished(.init(step: .sandbox, milliseconds: 214)),
      .sandboxReady(.init(sandbox: .random(prefix: "x-"), source: .image, image: .random(prefix: "i-"), commit: "3f1c2aa97b21")),
      .stepFinished(.init(step: .checkout, milliseconds: 38)),
      .agentStarted(.init(agent: try AgentName("goodagent"), title: "Good agent", version: "1.4.0", conversation: .new)),
      .stepFinished(.init(step: .agent, milliseconds: 1340)),
      .agentThought(.init(text: "The listing pages through `Paging`. I should look at how its ranges are made before I touch the view.")),
      .plan(
        .init(entries: [
          .init(content: "Find where pages are cut", priority: "high", status: "completed"),
          .init(content: "Fix the range", priority: "high", status: "completed"),
          .init(content: "Add a test for the last page", priority: "medium", status: "in_progress"),
        ])),
      .agentMessage(.init(text: "I'll start with the paging code.")),
      .toolCall(
        .init(
          id: "1", title: "Read Sources/Atlas/Paging.swift", kind: "read", status: "completed",
          content: [.text("```swift\nstruct Paging {\n  let size: Int\n}\n```")],
          locations: [.init(path: "Sources/Atlas/Paging.swift", line: 18)], input: ["path": "Sources/Atlas/Paging.swift"])),
      .toolCall(
        .init(
          id: "2", title: "swift test --filter PagingTests", kind: "execute", status: "failed",
          content: [.text("✘ theLastPageIsWhole: expected 20..<25, got 20..<29\n")], locations: [],
          input: ["command": "swift test --filter PagingTests"])),
      .toolCall(
        .init(
          id: "3", title: "Edit Paging.swift", kind: "edit", status: "completed",
          content: [
            .diff(
              path: "Sources/Atlas/Paging.swift", old: "return start..<(start + size - 1)\n",
              new: "return start..<min(start + size, total)\n")
          ],
          locations: [.init(path: "Sources/Atlas/Paging.swift", line: 23)], input: nil)),
      .agentOutput(.init(stream: .stderr, text: "warning: 1 deprecation in Package.swift\n")),
      .agentMessage(
        .init(
          text: """
            The cause is an **off by one**: a half-open range was made with `size - 1`, so each page lost its last row.

            | page | before | after |
            |---|---|---|
            | 0 | `0..<9` | `0..<10` |
            | 2 | `20..<29` | `20..<25` |

            What I changed:

            - [x] `Paging.range` takes the total and never goes beyond it
            - [x] a test for the last page

            ```swift
            Paging(size: 10).range(of: 2, total: 25)  // 20..<25
            ```
            """)),
      .stepFinished(.init(step: .work, milliseconds: 86_400)),
      .commitCreated(
        .init(
          commit: "8be9d01c4f6a", subject: "Show the last row of every page", author: user.author, files: 2, additions: 9, deletions: 3)),
      .stepFinished(.init(step: .commit, milliseconds: 120)), .stepFinished(.init(step: .push, milliseconds: 640)),
    ]
  }

  private static func fillRepositories(_ server: TestServer) async throws {
    let image = ImageSummary(
      id: .random(prefix: "i-"), commit: "3f1c2aa97b21", environmentDigest: "x", created: Date(timeIntervalSinceNow: -4000))
    let built = BuildSummary(
      image: image.id, state: .succeeded, started: Date(timeIntervalSinceNow: -4100), finished: Date(timeIntervalSinceNow: -4000))
    await server.repositories.put(
      Repository(
        name: try RepositoryName("atlas"), url: "https://git.example.org/team/atlas.git", defaultBranch: "main",
        description: "Maps and listings for the field teams", added: Date(), image: image, lastBuild: built),
      log: (1...40).map {
        BuildLine(number: $0, step: $0 < 5 ? "clone" : "setup 1/2", text: "Resolving package \($0) of a rather long list of dependencies")
      })
    let failed = BuildSummary(
      image: .random(prefix: "i-"), state: .failed, started: Date(timeIntervalSinceNow: -300), finished: Date(timeIntervalSinceNow: -200),
      error: RookeryError(
        .setupFailed, "“make dependencies” ended with exit code 2.", mend: "Its output is in the log below; mend .rookery/environment.yaml."
      ))
    await server.repositories.put(
      Repository(
        name: try RepositoryName("rookery"), url: "https://git.example.org/rookery.git", defaultBranch: "main", added: Date(), image: image,
        lastBuild: failed), log: [BuildLine(number: 1, step: "setup 1/2", text: "make: *** No rule to make target")])
    await server.repositories.put(
      Repository(
        name: try RepositoryName("weather-station"), url: "https://git.example.org/w.git", defaultBranch: "trunk",
        description: "Firmware and dashboards", added: Date()))
  }

  /// A home page with sessions in each state.
  static func fillHome(_ server: TestServer) async throws {
    _ = try await make(server)
    let titles = [
      "Move the settings screen to the new form components", "Why does the nightly import take four hours?",
      "Rename `Widget` to `Gauge` everywhere, keeping the old name as a deprecated alias for one release",
      "Update dependencies",
    ]
    for (index, title) in titles.enumerated() {
      let id = try await server.makeSession(title)
      if index > 0 { await server.sessions.startTurn(id) }
      if index == 1 { await server.sessions.finishTurn(id) }
      if index == 2 { await server.sessions.finishTurn(id, .failed) }
    }
  }
}
