import Foundation
import RookeryModel
import RookeryStore
import RookeryTestSupport
import Testing

@testable import RookeryServer

/// The pages in Chromium, as people see them. Pictures go to `$ROOKERY_SCREENSHOTS` when that is set.
@Suite(.serialized) struct BrowserTests {
  /// Opens a page signed in, on a screen of the given size.
  private func open(_ server: TestServer, _ path: String, role: User.Role = .member, isPhone: Bool = false, port: Int? = nil) async throws
    -> (
      Browser, BrowserPage
    )
  {
    let browser = try Browser()
    let page = try await browser.page()
    try await page.resize(width: isPhone ? 390 : 1280, height: isPhone ? 844 : 860, isPhone: isPhone)
    let user = try #require(server.users[role])
    let code = try await server.registry.issueLoginCode(for: user.id)
    try await page.open("http://127.0.0.1:\(port ?? server.port)/login?code=\(code)&next=\(path)")
    return (browser, page)
  }

  private func picture(_ page: BrowserPage, _ name: String) async throws {
    guard let directory = ProcessInfo.processInfo.environment["ROOKERY_SCREENSHOTS"] else { return }
    try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
    try await page.screenshot(to: "\(directory)/\(name).png")
  }

  @Test(arguments: [false, true]) func aSessionIsFollowedLive(isPhone: Bool) async throws {
    try await TestServer.run { server in
      let id = try await SampleSession.make(server)
      let (browser, page) = try await open(server, "/sessions/\(id)", isPhone: isPhone)
      let device = isPhone ? "phone" : "desktop"
      try await page.wait(for: "document.querySelector('main').dataset.live === 'yes'")
      #expect(try await page.text("#t1").contains("off by one"))
      let turn = await server.sessions.startTurn(id)
      for word in ["Now the ", "**second** ", "prompt.\n\n- one\n", "- two\n"] {
        await server.sessions.append(id, .agentMessage(.init(text: word)), turn: turn)
      }
      try await page.wait(for: "document.querySelector('#t2 .message li:nth-child(2)')?.innerText === 'two'")
      #expect(try await page.text("#t2 .message strong") == "second")
      #expect(try await page.evaluate("document.querySelectorAll('#t2 .message').length") == 1)
      await server.sessions.append(id, .agentOutput(.init(stream: .stdout, text: "building…\n")), turn: turn)
      await server.sessions.append(id, .agentOutput(.init(stream: .stdout, text: "\u{1b}[32mok\u{1b}[0m <b>\n")), turn: turn)
      try await page.wait(for: "document.querySelector('#t2 .output pre')?.innerText.includes('ok <b>')")
      try await page.wait(for: "document.querySelector('#status').innerText.trim() === 'Running'")
      #expect(try await page.evaluate("document.querySelector('#stop').hidden") == false)
      #expect(try await page.horizontalOverflow() == 0)
      try await picture(page, "session-running-\(device)")
      for dark in [true, false] {
        try await page.prefer(dark: dark)
        try await page.evaluate("document.scrollingElement.scrollTo({top: 0, behavior: 'instant'})")
        try await picture(page, "session-top-\(device)-\(dark ? "dark" : "light")")
      }
      try await page.evaluate("document.querySelector('.diff').scrollIntoView({block: 'center', behavior: 'instant'})")
      try await picture(page, "session-diff-\(device)")
      await server.sessions.finishTurn(
        id, .failed, error: RookeryError(.agentFailed, "The agent ended with exit code 3.", mend: "Look at its errors above."))
      try await page.wait(for: "document.querySelector('#t2-end .trouble') !== null")
      #expect(browser.complaints == [])
      browser.close()
    }
  }

  @Test(arguments: [false, true]) func theStatisticsAreReadable(isPhone: Bool) async throws {
    try await TestServer.run { server in
      let sample = try SampleFigures()
      try sample.fill(server.metrics, server.users)
      for name in ["api", "site"] {
        await server.repositories.put(
          Repository(name: try RepositoryName(name), url: "https://git/x", defaultBranch: "main", description: "", added: Date()))
      }
      let (browser, page) = try await open(server, "/stats", role: .admin, isPhone: isPhone)
      let device = isPhone ? "phone" : "desktop"
      #expect(try await page.evaluate("document.querySelectorAll('.plot svg').length") == 5)
      #expect(
        try await page.evaluate("[...document.querySelectorAll('.mark')].some((mark) => mark.getBoundingClientRect().height > 20)") == true)
      #expect(try await page.text(".plots").contains("Sessions per day"))
      #expect(try await page.text(".figures").contains("Merge rate"))
      #expect(try await page.horizontalOverflow() == 0)
      for dark in [false, true] {
        try await page.prefer(dark: dark)
        try await page.evaluate("document.scrollingElement.scrollTo({top: 0, behavior: 'instant'})")
        try await picture(page, "stats-\(device)-\(dark ? "dark" : "light")")
        try await page.evaluate("document.querySelector('.plots').scrollIntoView({block: 'start', behavior: 'instant'})")
        try await picture(page, "stats-plots-\(device)-\(dark ? "dark" : "light")")
        try await page.evaluate("document.querySelector('.table-box').scrollIntoView({block: 'center', behavior: 'instant'})")
        try await picture(page, "stats-tables-\(device)-\(dark ? "dark" : "light")")
      }
      // The form asks for another period, without a script of ours.
      try await page.evaluate(
        "document.querySelector('[name=since]').value = '2001-01-01'; document.querySelector('[name=until]').value = '2001-02-01'; document.querySelector('.period-form').submit()"
      )
      try await page.wait(for: "document.querySelector('.empty')?.innerText.includes('No data')")
      #expect(try await page.evaluate("document.querySelectorAll('.plot').length") == 0)
      try await picture(page, "stats-empty-\(device)")
      #expect(browser.complaints == [])
      browser.close()
    }
  }

  @Test func aPromptIsSentByKeyAndQueues() async throws {
    try await TestServer.run { server in
      let id = try await server.makeSession("First")
      await server.sessions.startTurn(id)
      let (browser, page) = try await open(server, "/sessions/\(id)")
      try await page.wait(for: "document.querySelector('main').dataset.live === 'yes'")
      try await page.evaluate("document.querySelector('#prompt-text').focus()")
      try await page.type("And <then> \"this\"")
      try await page.pressControlEnter()
      try await page.wait(for: "document.querySelector('#queue .queued-text')?.innerText === 'And <then> \"this\"'")
      #expect(try await page.evaluate("document.querySelector('#prompt-text').value") == "")
      #expect(try await server.sessions.detail(id).prompts.map(\.text) == ["First", "And <then> \"this\""])
      try await page.evaluate("document.querySelector('#queue form[action$=cancel] button').click()")
      try await page.wait(for: "document.querySelector('#queue').hidden")
      #expect(try await server.sessions.detail(id).prompts.last?.state == .cancelled)
      try await page.evaluate("document.querySelector('#stop button').click()")
      try await eventually("the turn stops") { try await server.sessions.detail(id).session.state == .stopping }
      await server.sessions.finishTurn(id, .interrupted)
      try await page.wait(for: "document.querySelector('#status').innerText.trim() === 'Stopped' && document.querySelector('#stop').hidden")
      #expect(browser.complaints == [])
      browser.close()
    }
  }

  @Test func aBrokenLineIsTakenUpWhereItBroke() async throws {
    try await TestServer.run { server in
      let line = try await CuttableLine(to: server.port)
      let id = try await server.makeSession("Count")
      let turn = await server.sessions.startTurn(id)
      let (browser, page) = try await open(server, "/sessions/\(id)", port: line.port)
      try await page.wait(for: "document.querySelector('main').dataset.live === 'yes'")
      await server.sessions.append(id, .agentMessage(.init(text: "one ")), turn: turn)
      try await page.wait(for: "document.querySelector('.message')?.innerText === 'one'")
      line.cut()
      try await page.wait(for: "document.querySelector('main').dataset.live === 'no'")
      await server.sessions.append(id, .agentMessage(.init(text: "two ")), turn: turn)
      try await page.wait(for: "!document.querySelector('#connection').hidden")
      try await picture(page, "session-reconnecting")
      line.mend()
      await server.sessions.append(id, .agentMessage(.init(text: "three")), turn: turn)
      try await page.wait(for: "document.querySelector('.message').innerText === 'one two three'")
      try await page.wait(for: "document.querySelector('#connection').hidden")
      #expect(try await page.evaluate("document.querySelectorAll('.message').length") == 1)
      browser.close()
      await line.close()
    }
  }

  @Test(arguments: [false, true]) func theHomePageStartsASession(isPhone: Bool) async throws {
    try await TestServer.run { server in
      try await SampleSession.fillHome(server)
      let (browser, page) = try await open(server, "/", isPhone: isPhone)
      let device = isPhone ? "phone" : "desktop"
      #expect(try await page.horizontalOverflow() == 0)
      for dark in [true, false] {
        try await page.prefer(dark: dark)
        try await picture(page, "home-\(device)-\(dark ? "dark" : "light")")
      }
      try await page.evaluate("document.querySelector('#start-text').focus()")
      try await page.type("Make it faster")
      try await page.pressControlEnter()
      try await page.wait(for: "location.pathname.startsWith('/sessions/') && document.querySelector('h1')?.innerText === 'Make it faster'")
      try await page.wait(for: "document.querySelector('main').dataset.live === 'yes'")
      try await picture(page, "session-queued-\(device)")
      #expect(try await page.horizontalOverflow() == 0)
      #expect(browser.complaints == [])
      browser.close()
    }
  }

  @Test func everyPageFitsAPhone() async throws {
    try await TestServer.run { server in
      let empty = try await open(server, "/", isPhone: true)
      try await picture(empty.1, "home-empty-phone")
      #expect(try await empty.1.horizontalOverflow() == 0)
      empty.0.close()
      try await SampleSession.fillHome(server)
      let (browser, page) = try await open(server, "/repositories/atlas", isPhone: true)
      for width in [360, 390, 1280] {
        try await page.resize(width: width, height: 844, isPhone: width < 1000)
        for path in ["/", "/repositories/atlas", "/repositories/rookery", "/login", "/sessions/none"] {
          try await page.open(server.origin + path)
          #expect(try await page.horizontalOverflow() == 0, "\(path) at \(width)")
          if width != 360 {
            try await picture(page, "page\(path.replacingOccurrences(of: "/", with: "-"))-\(width < 1000 ? "phone" : "desktop")")
          }
        }
      }
      try await page.evaluate("document.cookie")
      #expect(try await page.evaluate("document.cookie") == "")
      browser.close()
      let stranger = try Browser()
      let window = try await stranger.page()
      try await window.open(server.origin + "/")
      try await picture(window, "sign-in")
      #expect(try await window.text("h1") == "Sign in")
      stranger.close()
    }
  }
}
