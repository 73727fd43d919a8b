import Foundation
import NIOCore
import RookeryModel
import RookerySessions
import RookeryTestSupport
import Testing

@testable import RookeryServer

/// The pages as HTML.
@Suite struct PageTests {
  /// Text that would run, were it not escaped, in element text, attributes, and what Markdown makes of it.
  static let hostile = #"<script>alert(1)</script><img src=x onerror=alert(2)>"'><svg onload=alert(3)>[x](javascript:alert(4))"#

  /// Every field that someone else fills in, hostile.
  private func fill(_ server: TestServer) async throws -> SessionID {
    let hostile = Self.hostile
    let id = try await server.makeSession(hostile)
    let sessions = server.sessions
    await sessions.setTitle(id, hostile)
    let turn = await sessions.startTurn(id)
    let author = Author(user: .random(prefix: "u-"), name: hostile, email: "x@example.org")
    let payloads: [EventPayload] = [
      .agentStarted(.init(agent: try AgentName("goodagent"), title: hostile, version: hostile, conversation: .new)),
      .agentThought(.init(text: hostile)), .agentMessage(.init(text: hostile)), .agentOutput(.init(stream: .stderr, text: hostile)),
      .toolCall(
        .init(
          id: hostile, title: hostile, kind: hostile, status: hostile,
          content: [.text(hostile), .diff(path: hostile, old: hostile, new: "x\n")],
          locations: [.init(path: hostile, line: 1)], input: .object([hostile: .string(hostile)]))),
      .toolUpdate(.init(id: "other", title: hostile, output: .string(hostile))),
      .plan(.init(entries: [.init(content: hostile, priority: hostile, status: hostile)])),
      .permissionAnswered(.init(tool: hostile, option: hostile, allowed: true)),
      .commitCreated(.init(commit: hostile, subject: hostile, author: author, files: 1, additions: 1, deletions: 0)),
      .workSaved(.init(ref: hostile, commit: hostile)), .branchPushed(.init(branch: hostile, commit: hostile, remote: hostile)),
      .sandboxLost(.init(sandbox: .random(prefix: "x-"), reason: hostile)), .limitHit(.init(limit: .memory, detail: hostile)),
      .notice(.init(level: .warning, text: hostile)), .unknown(kind: hostile, body: .string(hostile)),
    ]
    for payload in payloads { await sessions.append(id, payload, turn: turn) }
    let diff = "diff --git a/\(hostile) b/\(hostile)\n--- a/x\n+++ b/\(hostile)\n@@ -1 +1 @@\n-\(hostile)\n+\(hostile)\n"
    let artifact = Artifact(
      id: .random(prefix: "a-"), kind: .diff, name: hostile, mediaType: hostile, bytes: diff.utf8.count,
      digest: String(repeating: "0", count: 64))
    await sessions.addArtifact(id, artifact, Data(diff.utf8), turn: turn)
    await sessions.addArtifact(
      id, Artifact(id: .random(prefix: "a-"), kind: .file, name: hostile, mediaType: "text/plain", bytes: 1, digest: ""), Data("x".utf8),
      turn: turn)
    await sessions.setPullRequest(
      id, PullRequest(number: 7, url: "javascript:alert(5)", title: hostile, author: hostile), turn: turn)
    await sessions.finishTurn(id, .failed, error: RookeryError(.agentFailed, hostile, mend: hostile), stopReason: hostile)
    _ = try await sessions.prompt(
      id, API.PostPrompt(requestId: "later", text: hostile),
      by: User(id: author.user, name: hostile, email: "x@example.org", role: .member, created: Date()))
    let failed = BuildSummary(
      image: .random(prefix: "i-"), state: .failed, started: Date(), finished: Date(),
      error: RookeryError(.setupFailed, hostile, mend: hostile))
    await server.repositories.put(
      Repository(
        name: try RepositoryName("rookery"), url: "javascript:alert(6)", defaultBranch: hostile, description: hostile, added: Date(),
        image: ImageSummary(id: failed.image, commit: hostile, environmentDigest: hostile, created: Date()), lastBuild: failed),
      log: [BuildLine(number: 1, step: hostile, text: hostile)])
    return id
  }

  /// Every tag must be one of ours, with no handler, style or address that does something.
  private func expectHarmless(_ html: String, _ place: String) {
    #expect(!html.isEmpty)
    let allowed: Set<String> = [
      "html", "head", "meta", "title", "link", "script", "body", "nav", "a", "img", "div", "span", "form", "button", "header", "h1", "h2",
      "h3",
      "ul", "ol", "li", "svg", "path", "time", "main", "section", "p", "strong", "b", "details", "summary", "pre", "code", "footer",
      "input",
      "label", "textarea", "select", "option", "blockquote", "em", "table", "del",
    ]
    for match in html.matches(of: /<\/?([a-zA-Z0-9]+)([^>]*)>/) {
      let name = String(match.output.1)
      let attributes = String(match.output.2)
      #expect(allowed.contains(name), "\(place): <\(name)>")
      let names = attributes.replacing(/"[^"]*"/, with: "")
      #expect(names.firstMatch(of: /\s(on[a-z]+|style)\s*=/) == nil, "\(place): \(match.output.0)")
      #expect(!attributes.lowercased().contains("=\"javascript:"), "\(place): \(match.output.0)")
      if name == "script", !match.output.0.hasPrefix("</") { #expect(attributes.contains("src=\"/assets/")) }
      if name == "img" { #expect(attributes.contains("src=\"/assets/")) }
    }
    #expect(!html.contains("<script>"))
  }

  @Test func whatOthersWroteIsTextOnEveryPage() async throws {
    try await TestServer.run { server in
      let id = try await fill(server)
      for path in ["/", "/live/home", "/sessions/\(id)", "/repositories/rookery", "/nothing/%3Cscript%3Ealert(1)%3C%2Fscript%3E"] {
        let answer = try await server.ask("GET", path)
        expectHarmless(answer.text, path)
      }
      let page = try await server.ask("GET", "/sessions/\(id)").text
      #expect(page.contains("&lt;script&gt;alert(1)&lt;/script&gt;"))
      #expect(page.contains("href=\"#\""))
    }
  }

  @Test func whatOthersWroteIsTextInEveryFragment() async throws {
    try await TestServer.run { server in
      let id = try await fill(server)
      let last = try await server.sessions.detail(id).session.seq
      try await withClient { client in
        var reader = try await EventReader(server, "/sessions/\(id)/stream?after=0&from=1", client: client)
        let messages = try await reader.messages { $0.id?.hasPrefix("\(last)-") ?? false }
        for message in messages {
          for fragment in try JSON.decode(FragmentMessage.self, from: Data(message.data.utf8)).fragments where !fragment.html.isEmpty {
            expectHarmless(fragment.html, fragment.target)
          }
        }
      }
    }
  }

  @Test func formsWorkWithoutTheScript() async throws {
    try await TestServer.run { server in
      let cookie = try await server.signIn()
      let form = ["Content-Type": "application/x-www-form-urlencoded"]
      let body = Data("requestId=w1&repository=rookery&agent=&prompt=Fix+it%0D%0Aplease+%26+thanks".utf8)
      let made = try await server.ask("POST", "/sessions", as: .cookie(cookie), body: body, headers: form)
      #expect(made.status == 303)
      let path = try #require(made.header("location"))
      let id = try SessionID(String(path.split(separator: "/")[1]))
      #expect(try await server.sessions.detail(id).prompts.map(\.text) == ["Fix it\nplease & thanks"])
      #expect(try await server.ask("POST", "/sessions", as: .cookie(cookie), body: body, headers: form).header("location") == path)
      let more = Data("requestId=w2&text=More".utf8)
      #expect(try await server.ask("POST", path + "/prompts", as: .cookie(cookie), body: more, headers: form).status == 303)
      let prompt = try #require(try await server.sessions.detail(id).prompts.last)
      #expect(try await server.ask("POST", "\(path)/prompts/\(prompt.id)/cancel", as: .cookie(cookie)).status == 303)
      #expect(try await server.ask("POST", path + "/stop", as: .cookie(cookie)).status == 303)
      #expect(try await server.sessions.detail(id).session.state == .stopping)
      let empty = Data("requestId=w3&text=".utf8)
      #expect(try await server.ask("POST", path + "/prompts", as: .cookie(cookie), body: empty, headers: form).status == 400)
    }
  }

  @Test func aViewerSeesNoControls() async throws {
    try await TestServer.run { server in
      let id = try await server.makeSession()
      await server.sessions.startTurn(id)
      let page = try await server.ask("GET", "/sessions/\(id)", as: .role(.viewer)).text
      #expect(!page.contains("<textarea") && !page.contains("/stop\""))
      #expect(try await !server.ask("GET", "/", as: .role(.viewer)).text.contains("<textarea"))
    }
  }

  @Test func aLongSessionIsShownInParts() async throws {
    try await TestServer.run { server in
      let id = try await server.makeSession()
      for number in 0..<(Int(SessionPage.window) + 500) {
        await server.sessions.append(id, .notice(.init(level: .info, text: "notice \(number).")), turn: 1)
      }
      let newest = try await server.ask("GET", "/sessions/\(id)").text
      #expect(newest.contains("notice 5499.") && !newest.contains("notice 100."))
      let link = try #require(newest.firstMatch(of: /href="(\/sessions\/[^"]*before=\d+)"/)).output.1
      let earlier = try await server.ask("GET", String(link)).text
      #expect(earlier.contains("notice 100.") && !earlier.contains("notice 5499.") && !earlier.contains("data-session"))
    }
  }

  @Test func assetsAreKeptAndPagesAreNot() async throws {
    try await TestServer.run { server in
      for asset in Asset.all {
        let answer = try await server.ask("GET", asset.path, as: .none)
        #expect(answer.header("cache-control") == "public, max-age=31536000, immutable")
        #expect(answer.body == Data(asset.bytes))
      }
      #expect(try await server.ask("GET", "/").header("cache-control") == "no-store")
      #expect(try await server.ask("GET", "/", as: .none).text.contains("rookery login-link"))
    }
  }
}

/// The fragments of the live page, applied to a model of its elements.
@Suite struct FragmentTests {
  /// A stream that is cut anywhere and resumed shows what an uncut one shows.
  @Test(arguments: [[], [10], [3, 4, 5, 30, 31, 60], Array(1...80)]) func aStreamResumedAnywhereShowsTheSame(cuts: [Int64]) async throws {
    try await TestServer.run { server in
      let id = try await server.makeSession("Do it")
      await Self.writeLog(server.sessions, id)
      let page = SessionPage(sessions: server.sessions)
      let last = try await server.sessions.detail(id).session.seq
      let shown = PageModel()
      let (viewer, watchers) = (try #require(server.users[.member]), Watchers(sessions: server.sessions))
      var place: (after: Int64, from: Int64) = (0, 1)
      for end in cuts.filter({ $0 < last }) + [last] {
        var encoder = try await FragmentEncoder(
          page: page, session: id, viewer: viewer, watchers: watchers, after: place.after, from: place.from)
        let events = try await server.sessions.events(id, after: place.after, limit: Int(end - place.after)).events
        // In small batches, as they come live.
        for batch in stride(from: 0, to: events.count, by: 3) {
          let encoded = try events[batch..<min(batch + 3, events.count)].map {
            EncodedEvent(seq: $0.seq, kind: $0.payload.kind, json: try JSON.encode($0))
          }
          guard var frame = try await encoder.frames(for: encoded) else { continue }
          let text = frame.readString(length: frame.readableBytes) ?? ""
          let json = text.split(separator: "\n")[1].dropFirst(6)
          let message = try JSON.decode(FragmentMessage.self, from: Data(json.utf8))
          for fragment in message.fragments { shown.apply(fragment) }
          place = (message.after, message.from)
        }
      }
      #expect(place.after == last)
      var transcript = Transcript(of: try await server.sessions.detail(id), after: 0)
      try await page.fold(id, into: &transcript, through: last)
      let view = TranscriptView(session: id)
      let expected = PageModel.text(of: transcript.turns.map(view.turn).joined().text)
      let common = shown.text.commonPrefix(with: expected).count
      #expect(shown.text == expected, "\(shown.text.dropFirst(common - 60).prefix(200)) ≠ \(expected.dropFirst(common - 60).prefix(200))")
    }
  }

  private static func writeLog(_ sessions: MemorySessions, _ id: SessionID) async {
    for turn in 1...2 {
      if turn == 2 {
        _ = try? await sessions.prompt(
          id, .init(requestId: "two", text: "Again"),
          by: User(id: .random(prefix: "u-"), name: "Bo", email: "b@b.b", role: .member, created: Date()))
      }
      await sessions.startTurn(id)
      await sessions.append(id, .stepFinished(.init(step: .sandbox, milliseconds: 12)), turn: turn)
      for word in ["Hello ", "**wor", "ld**\n\nSecond", " paragraph\n\n- a\n", "- b\n\n```\nco", "de\n```\n"] {
        await sessions.append(id, .agentMessage(.init(text: word)), turn: turn)
      }
      await sessions.append(
        id, .toolCall(.init(id: "t1", title: "Run", kind: "execute", status: "pending", content: [], locations: [], input: nil)), turn: turn
      )
      await sessions.append(id, .agentThought(.init(text: "hmm ")), turn: turn)
      await sessions.append(id, .toolUpdate(.init(id: "t1", status: "completed", content: [.text("done")])), turn: turn)
      await sessions.append(id, .agentThought(.init(text: "aha")), turn: turn)
      for number in 0..<8 {
        let text = "\(number) " + String(repeating: "o", count: 9000) + "\n"
        await sessions.append(id, .agentOutput(.init(stream: .stdout, text: text)), turn: turn)
      }
      await sessions.append(id, .plan(.init(entries: [.init(content: "one", priority: "high", status: "pending")])), turn: turn)
      await sessions.append(id, .agentMessage(.init(text: "Between. ")), turn: turn)
      await sessions.append(id, .plan(.init(entries: [.init(content: "one", priority: "high", status: "completed")])), turn: turn)
      await sessions.append(id, .agentMessage(.init(text: "After.")), turn: turn)
      await sessions.append(id, .usage(.init(inputTokens: 1200, outputTokens: 34, requests: 1)), turn: turn)
      for number in 0..<200 {
        await sessions.append(id, .agentOutput(.init(stream: .stderr, text: "\(number)" + String(repeating: "e", count: 3000))), turn: turn)
      }
      await sessions.finishTurn(id)
      await sessions.append(id, .usage(.init(inputTokens: 1, outputTokens: 1, requests: 1)), turn: turn)
    }
  }
}
