import Foundation
import RookeryModel
import RookeryStore
import RookeryTestSupport
import Testing

@testable import RookeryServer

/// Several people on one session's page, each in a Chromium of their own. Pictures go to `$ROOKERY_SCREENSHOTS` when that is set.
@Suite(.serialized) struct BrowserMultiplayerTests {
  private func open(_ server: TestServer, _ path: String, role: User.Role = .member, isPhone: Bool = false) async throws -> (
    Browser, BrowserPage
  ) {
    let browser = try Browser()
    let page = try await browser.page()
    try await page.resize(width: isPhone ? 390 : 1280, height: isPhone ? 844 : 860, isPhone: isPhone)
    let user = try #require(server.users[role])
    let code = try await server.registry.issueLoginCode(for: user.id)
    try await page.open("http://127.0.0.1:\(server.port)/login?code=\(code)&next=\(path)")
    try await page.wait(for: "document.querySelector('main').dataset.live === 'yes' || location.pathname === '/join'")
    return (browser, page)
  }

  private func picture(_ page: BrowserPage, _ name: String) async throws {
    guard let directory = ProcessInfo.processInfo.environment["ROOKERY_SCREENSHOTS"] else { return }
    try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
    try await page.screenshot(to: "\(directory)/\(name).png")
  }

  private static let order = "[...document.querySelectorAll('#queue .queued-text')].map(text => text.innerText).join()"

  @Test(.timeLimit(.minutes(3)), arguments: [false, true]) func theQueueIsEverybodys(isPhone: Bool) async throws {
    try await TestServer.run { server in
      let id = try await server.makeSession("First")
      await server.sessions.startTurn(id)
      for text in ["one", "two", "three"] {
        _ = try await server.ask(
          "POST", "/v1/sessions/\(id)/prompts", as: .role(.member), json: API.PostPrompt(requestId: text, text: text))
      }
      let (browser, page) = try await open(server, "/sessions/\(id)", isPhone: isPhone)
      try await page.wait(for: "\(Self.order) === 'one,two,three'")
      // By a button, by dragging, and in the text itself.
      try await page.evaluate("document.querySelectorAll('#queue form[action$=move] button')[1].click()")
      try await page.wait(for: "\(Self.order) === 'one,three,two'")
      try await page.evaluate(
        """
        (() => {
          const items = document.querySelectorAll('#queue li');
          const data = new DataTransfer();
          const box = items[0].getBoundingClientRect();
          items[2].dispatchEvent(new DragEvent('dragstart', {bubbles: true, dataTransfer: data}));
          for (const kind of ['dragover', 'drop'])
            items[0].dispatchEvent(new DragEvent(kind, {bubbles: true, cancelable: true, dataTransfer: data, clientY: box.top + 2}));
        })()
        """)
      try await page.wait(for: "\(Self.order) === 'two,one,three'")
      try await page.evaluate("document.querySelectorAll('#queue button[data-edit]')[1].click()")
      try await page.wait(for: "document.querySelector('#queue textarea')?.value === 'one'")
      // What others do meanwhile does not take the text away.
      _ = try await server.ask("POST", "/v1/sessions/\(id)/prompts", json: API.PostPrompt(requestId: "4", text: "four", mode: .interrupt))
      try await page.type(" <b>more</b>")
      try await picture(page, "queue-edited-\(isPhone ? "phone" : "desktop")")
      try await page.pressControlEnter()
      try await page.wait(for: "\(Self.order) === 'two,one <b>more</b>,three,four'")
      #expect(try await page.evaluate("document.querySelector('#queue .mode').innerText") == "next")
      #expect(try await page.horizontalOverflow() == 0)
      try await picture(page, "queue-\(isPhone ? "phone" : "desktop")")
      #expect(browser.complaints == [])
      browser.close()
    }
  }

  @Test(.timeLimit(.minutes(3))) func peopleSeeEachOther() async throws {
    try await TestServer.run { server in
      let id = try await server.makeSession("Together")
      let (first, ada) = try await open(server, "/sessions/\(id)", role: .admin)
      let (second, member) = try await open(server, "/sessions/\(id)")
      try await ada.wait(for: "document.querySelector('#watching').title === 'A member, Ada Lovelace'")
      try await member.wait(for: "document.querySelector('#watching').title === 'A member, Ada Lovelace'")
      try await member.evaluate("document.querySelector('#prompt-text').focus()")
      try await member.type("I think")
      try await ada.wait(for: "document.querySelector('#typing').innerText === 'A member is typing'")
      #expect(try await member.evaluate("document.querySelector('#typing').hidden") == true)
      try await picture(ada, "typing")
      try await member.evaluate("document.querySelector('#prompt-mode').value = 'interrupt'")
      try await member.pressControlEnter()
      try await ada.wait(for: "document.querySelector('#typing').hidden && \(Self.order).endsWith('I think')")
      #expect(try await server.sessions.detail(id).prompts.last?.mode == .interrupt)
      #expect(try await member.evaluate("document.querySelector('#prompt-mode').value") == "queue")
      second.close()
      try await ada.wait(for: "document.querySelector('#watching').title === 'Ada Lovelace'")
      #expect(first.complaints == [])
      first.close()
    }
  }

  @Test(.timeLimit(.minutes(3)), arguments: [false, true]) func whatTheAgentAsksIsAnsweredOnThePage(isPhone: Bool) async throws {
    try await TestServer.run { server in
      let id = try await server.makeSession("Build it")
      await server.sessions.startTurn(id)
      let (browser, page) = try await open(server, "/sessions/\(id)", isPhone: isPhone)
      let question = PermissionRequested(
        id: "agent-1-1", call: "t", tool: "Run <make>", detail: "make -j8 && ./deploy --everything",
        options: [
          .init(number: 0, name: "Yes, once", allows: true, always: false), .init(number: 1, name: "No", allows: false, always: false),
        ],
        deadline: Date(timeIntervalSinceNow: 240))
      await server.sessions.ask(id, question)
      try await page.wait(for: "document.querySelector('#permissions strong')?.innerText === 'Run <make>'")
      #expect(try await page.text("#permissions time").hasPrefix("in "))
      #expect(try await page.horizontalOverflow() == 0)
      try await picture(page, "permission-\(isPhone ? "phone" : "desktop")")
      try await page.evaluate("document.querySelector('#permissions button.refuse').click()")
      try await page.wait(for: "document.querySelector('#permissions').hidden")
      try await page.wait(for: "document.querySelector('#t1-blocks').innerText.includes('Refused by A member')")
      #expect(browser.complaints == [])
      browser.close()
    }
  }

  @Test(.timeLimit(.minutes(3))) func filesAreChosenAndSent() async throws {
    try await TestServer.run { server in
      let id = try await server.makeSession("Look")
      await server.sessions.startTurn(id)
      let (browser, page) = try await open(server, "/sessions/\(id)")
      try await page.evaluate(
        """
        (() => {
          const data = new DataTransfer();
          data.items.add(new File(['hello'], 'notes <1>.txt', {type: 'text/plain'}));
          data.items.add(new File(['bye'], 'gone.txt', {type: 'text/plain'}));
          document.querySelector('#prompt-text').dispatchEvent(
            new ClipboardEvent('paste', {bubbles: true, cancelable: true, clipboardData: data}));
        })()
        """)
      try await page.wait(for: "document.querySelectorAll('#attached li').length === 2")
      try await page.evaluate("document.querySelectorAll('#attached button')[1].click()")
      try await picture(page, "attached")
      try await page.evaluate("document.querySelector('#prompt-text').focus()")
      try await page.type("See the file")
      try await page.pressControlEnter()
      try await page.wait(for: "document.querySelector('#queue')?.innerText.includes('1 file')")
      let files = try #require(try await server.sessions.detail(id).prompts.last?.attachments)
      #expect(files.map(\.name) == ["notes <1>.txt"])
      #expect(try await server.sessions.attachment(id, digest: files[0].digest).1 == Data("hello".utf8))
      #expect(try await page.evaluate("document.querySelector('#attached').hidden") == true)
      #expect(browser.complaints == [])
      browser.close()
    }
  }

  @Test(.timeLimit(.minutes(3))) func aLinkLetsSomeoneIn() async throws {
    try await TestServer.run { server in
      let id = try await server.makeSession("Private matters", as: .admin)
      let (owner, page) = try await open(server, "/sessions/\(id)", role: .admin)
      try await page.evaluate("document.querySelector('#people').open = true")
      try await page.evaluate(
        "(() => { const access = document.querySelector('#access'); access.value = 'private'; "
          + "access.dispatchEvent(new Event('change', {bubbles: true})); })()")
      try await eventually("the session is private") { try await server.sessions.detail(id).session.access == .closed }
      try await page.evaluate("document.querySelector('#people').open = true")
      try await page.evaluate("document.querySelector('#invite').click()")
      try await page.wait(for: "document.querySelector('#invite-link').innerText.includes('/join#')")
      try await picture(page, "sharing")
      let link = try await page.text("#invite-link")
      let fragment = try #require(link.split(separator: "#").last)
      let (guest, visitor) = try await open(server, "/join")
      try await visitor.evaluate("location.hash = '\(fragment)'")
      try await picture(visitor, "join")
      try await visitor.evaluate("document.querySelector('#join').click()")
      try await visitor.wait(for: "document.querySelector('h1')?.innerText === 'Private matters'")
      try await page.wait(for: "document.querySelector('#people summary').innerText.includes('2 participants')")
      guest.close()
      owner.close()
    }
  }
}
