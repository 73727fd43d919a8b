import Foundation
import RookeryModel
import Testing

@testable import RookerySandbox

@Suite struct GrantBookTests {
  private let now = Date()

  private func grant(_ sandbox: String, expires: TimeInterval = 60) throws -> Grant {
    Grant(sandbox: try SandboxID(sandbox), expires: now.addingTimeInterval(expires), git: [], model: nil, privateHosts: [])
  }

  @Test func tellsEachGrantOnceUntilTheGatewayForgets() throws {
    var book = GrantBook()
    let one = try grant("s-1")
    book.granted(one)
    #expect(book.untold(now: now) == [one])
    book.told(one)
    #expect(book.untold(now: now).isEmpty)
    book.gatewayForgot()
    #expect(book.untold(now: now) == [one])
  }

  @Test func aRevokedOrExpiredGrantIsNeverToldAgain() throws {
    var book = GrantBook()
    let one = try grant("s-1")
    let two = try grant("s-2", expires: -1)
    book.granted(one)
    book.granted(two)
    book.revoked(one.sandbox)
    book.gatewayForgot()
    #expect(book.untold(now: now).isEmpty)
  }

  @Test func whatWasSpentIsToldWithTheGrantAgain() throws {
    var book = GrantBook()
    var one = try grant("s-1")
    one.model = Grant.Model(url: "https://m.example", wire: .openai, key: Secret("k"), name: "m", tokenAllowance: 100)
    one.model?.spentTokens = 100
    one.model?.spentCost = 7
    book.granted(one)
    book.spent(Usage(inputTokens: 30, outputTokens: 12, requests: 1, costMicroUSD: 5), by: one.sandbox)
    #expect(book.current(one).model?.spentTokens == 142 && book.current(one).model?.spentCost == 12)
    book.spent(Usage(inputTokens: 300, outputTokens: 0, requests: 1), by: one.sandbox)
    #expect(book.current(one).model?.spentTokens == 442 && book.current(one).model?.tokenAllowance == 100)
    #expect(book.untold(now: now) == [one])
  }

  @Test func aReplacedGrantIsNotTakenForTold() throws {
    var book = GrantBook()
    let old = try grant("s-1")
    let new = try grant("s-1", expires: 120)
    book.granted(old)
    book.granted(new)
    book.told(old)
    #expect(book.untold(now: now) == [new])
  }
}
