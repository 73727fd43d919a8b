import Foundation
import RookeryModel
import Testing

@testable import RookeryGateway

@Suite struct SocketDeskTests {
  private let sandbox = SandboxID.random(prefix: "box-")
  private let peer = SandboxPeer(transport: .tcp, port: 40_000)

  @Test(.timeLimit(.minutes(1))) func nobodyWaitsWhileHostDoesNotAsk() async {
    let desk = SocketDesk(patience: .seconds(600))
    #expect(await desk.owner(of: peer, in: sandbox) == nil)
  }

  @Test(.timeLimit(.minutes(1))) func hostIsAskedAndItsAnswerTold() async throws {
    let desk = SocketDesk(patience: .seconds(50))
    _ = await desk.questions(wait: .zero)
    async let owner = desk.owner(of: peer, in: sandbox)
    let questions = await desk.questions(wait: .seconds(50))
    #expect(questions.map(\.peer) == [peer] && questions.map(\.sandbox) == [sandbox])
    // Each is delivered once.
    #expect(await desk.questions(wait: .zero).isEmpty)
    await desk.answer(try #require(questions.first).number + 1, "somebody else")
    await desk.answer(try #require(questions.first).number, "py\u{1b}[2Jthon" + String(repeating: "x", count: 500))
    let told = try #require(await owner)
    #expect(told.hasPrefix("py\u{fffd}[2Jthon") && told.count == 64)
  }

  @Test(.timeLimit(.minutes(1))) func anAnswerThatDoesNotComeIsNotAwaited() async {
    let desk = SocketDesk(patience: .milliseconds(20))
    _ = await desk.questions(wait: .zero)
    #expect(await desk.owner(of: peer, in: sandbox) == nil)
  }

  @Test(.timeLimit(.minutes(1))) func oneSandboxIsLookedAtOnlySoOften() async {
    let desk = SocketDesk(patience: .milliseconds(1))
    _ = await desk.questions(wait: .zero)
    for port in 1...30 { _ = await desk.owner(of: SandboxPeer(transport: .udp, port: port), in: sandbox) }
    #expect(await desk.questions(wait: .zero).isEmpty)
    let slow = SocketDesk(patience: .seconds(600))
    _ = await slow.questions(wait: .zero)
    let asking = Task { [sandbox] in
      await withTaskGroup(of: Void.self) { group in
        for port in 1...60 { group.addTask { _ = await slow.owner(of: SandboxPeer(transport: .udp, port: port), in: sandbox) } }
      }
    }
    var seen: [SocketQuestion] = []
    while seen.count < 20 { seen += await slow.questions(wait: .seconds(10)) }
    #expect(seen.count <= 22)
    for question in seen { await slow.answer(question.number, nil) }
    var more = await slow.questions(wait: .milliseconds(10))
    while !more.isEmpty {
      for question in more { await slow.answer(question.number, nil) }
      more = await slow.questions(wait: .milliseconds(10))
    }
    await asking.value
  }

  @Test(.timeLimit(.minutes(1))) func theReportNamesTheProgramAndKeepsIt() async throws {
    let (desk, reports) = (SocketDesk(patience: .seconds(50)), ReportSpool(limit: 10))
    let refusals = Refusals(reports: reports, desk: desk)
    _ = await desk.questions(wait: .zero)
    async let telling: Void = refusals.tell(sandbox, host: "a.example", port: 443, reason: "r", peer: peer)
    for question in await desk.questions(wait: .seconds(50)) { await desk.answer(question.number, "curl") }
    await telling
    // Only counted: nobody is asked again.
    await refusals.tell(sandbox, host: "a.example", port: 443, reason: "r", peer: peer)
    let told = await reports.collect(after: 0, wait: .zero)
    #expect(told.map(\.kind) == [.refused(NetworkRefused(host: "a.example", port: 443, reason: "r", process: "curl", count: 1))])
  }
}
