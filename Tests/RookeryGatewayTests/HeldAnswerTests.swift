import Foundation
import RookeryModel
import RookeryTestSupport
import Testing

@testable import RookeryGateway

/// A model's answer that waits until a sandbox is at the newest commit.
@Suite struct HeldAnswerTests {
  private func grant(_ gateway: GatewayFixture, _ model: ModelDouble, holds: Bool?) async throws {
    var grant = Grant(
      sandbox: gateway.sandbox, expires: Date(timeIntervalSinceNow: 600), git: [],
      model: .init(url: model.url, wire: .openai, key: Secret(ModelDouble.key), name: ModelDouble.model, tokenAllowance: nil),
      privateHosts: [model.authority])
    grant.holdsAnswers = holds
    try await gateway.call(.grant(grant))
  }

  @Test func theCallGoesOutAndTheAnswerWaits() async throws {
    let model = try await ModelDouble.start()
    let gateway = try await GatewayFixture.start()
    try await grant(gateway, model, holds: true)
    let body = #"{"model":"rehearsal-1","messages":[]}"#
    let port = gateway.modelPort
    let call = Task {
      try await RawSocket.exchange(
        port: port,
        "POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: application/json\r\n"
          + "Content-Length: \(body.utf8.count)\r\n\r\n" + body, timeout: 60)
    }
    // The model has heard it, and its answer is on its way to nobody.
    try await eventually(timeout: .seconds(60), "the model is asked") { !model.state.paths.isEmpty }
    guard case .usage(let none) = try await gateway.call(.usage(after: 0, wait: 0)) else { throw CancellationError() }
    #expect(none.isEmpty)
    try await grant(gateway, model, holds: nil)
    #expect(try await call.value.hasPrefix("HTTP/1.1 200"))
    try await gateway.stop()
    await model.stop()
  }

  @Test func aHoldThatNobodyEndsFails() async throws {
    let book = GrantBook()
    let sandbox = SandboxID.random(prefix: "box-")
    var grant = Grant(sandbox: sandbox, expires: Date(timeIntervalSinceNow: 600), git: [], model: nil, privateHosts: [])
    grant.holdsAnswers = true
    try book.put(grant, spent: (tokens: 0, cost: 0))
    await #expect { try await book.answersReleased(sandbox, within: .milliseconds(10)) } throws: {
      ($0 as? RookeryError)?.code == .unavailable
    }
    // Taken back, it holds nothing: the call fails for want of a grant.
    book.revoke(sandbox)
    try await book.answersReleased(sandbox)
  }
}
