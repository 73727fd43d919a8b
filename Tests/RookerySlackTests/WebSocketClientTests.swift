import Foundation
import RookeryModel
import RookeryTestSupport
import RookeryWebSocket
import Testing

@Suite(.timeLimit(.minutes(1))) struct WebSocketClientTests {
  @Test func aRefusedUpgradeSaysItsStatusAndNoSecret() async throws {
    let slack = try await SlackDouble.start()
    await #expect {
      try await WebSocketClient().connect(to: "ws://127.0.0.1:\(slack.port)/link?ticket=secret-ticket") { _, _ in }
    } throws: { error in
      guard let error = error as? RookeryError else { return false }
      return error.code == .unavailable && error.message.contains("403") && !"\(error) \(error.context)".contains("secret-ticket")
    }
    await slack.stop()
  }

  @Test(arguments: ["", "http://127.0.0.1:1", "ws://", "ws:///x", "\u{0}"])
  func whatIsNoAddressIsRefused(address: String) async throws {
    await #expect { try await WebSocketClient().connect(to: address) { _, _ in } } throws: { ($0 as? RookeryError)?.code == .badRequest }
  }

  @Test func nobodyThereIsUnavailable() async throws {
    await #expect {
      try await WebSocketClient(connectTimeout: .seconds(2)).connect(to: "ws://127.0.0.1:1/") { _, _ in }
    } throws: {
      ($0 as? RookeryError)?.code == .unavailable
    }
  }
}
