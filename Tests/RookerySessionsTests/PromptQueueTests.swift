import Foundation
import RookeryModel
import Testing

@testable import RookerySessions

@Suite struct PromptQueueTests {
  private func prompt(_ number: Int) throws -> PromptID { try PromptID("p\(number)") }

  @Test func promptsRunInTheOrderInWhichTheyCame() throws {
    var queue = PromptQueue()
    for number in 1...3 { #expect(try queue.add(prompt(number), mode: .queue, while: .idle) == .wait) }
    #expect(queue.order == [try prompt(1), try prompt(2), try prompt(3)])
    let (taken, again) = (queue.take(try prompt(1)), queue.take(try prompt(1)))
    #expect(taken && !again)
    #expect(queue.next == (try prompt(2)))
  }

  @Test func whatWantsToRunNextStandsBeforeTheOthersInItsOwnOrder() throws {
    var queue = PromptQueue()
    _ = try queue.add(prompt(1), mode: .queue, while: .steerable)
    #expect(try queue.add(prompt(2), mode: .interrupt, while: .steerable) == .interrupt)
    #expect(try queue.add(prompt(3), mode: .steer, while: .busy(reason: "stops")) == .runNext(reason: "stops"))
    #expect(try queue.add(prompt(4), mode: .steer, while: .steerable) == .steer)
    #expect(queue.order == [try prompt(2), try prompt(3), try prompt(4), try prompt(1)])
  }

  @Test func nothingIsInterruptedOrSteeredWhereNothingRuns() throws {
    for mode in PromptMode.allCases {
      var queue = PromptQueue()
      #expect(try queue.add(prompt(1), mode: mode, while: .idle) == .wait)
    }
  }

  @Test func aPromptThatCouldNotSteerGoesBeforeAllOthers() throws {
    var queue = PromptQueue()
    _ = try queue.add(prompt(1), mode: .interrupt, while: .steerable)
    queue.putBack(try prompt(2))
    queue.putBack(try prompt(2))
    #expect(queue.order == [try prompt(2), try prompt(1)])
  }

  @Test func aModeIsChangedAsIfThePromptCameNow() throws {
    var queue = PromptQueue()
    for number in 1...3 { _ = try queue.add(prompt(number), mode: .queue, while: .steerable) }
    let interrupting = try queue.change(prompt(3), to: .interrupt, while: .steerable)
    #expect(interrupting == .interrupt)
    #expect(queue.order == [try prompt(3), try prompt(1), try prompt(2)])
    let waiting = try queue.change(prompt(3), to: .queue, while: .steerable)
    #expect(waiting == .wait)
    #expect(queue.order == [try prompt(3), try prompt(1), try prompt(2)])
    #expect(throws: RookeryError.self) { try queue.change(prompt(9), to: .steer, while: .idle) }
  }

  @Test func movingRefusesWhatDoesNotWait() throws {
    var queue = PromptQueue()
    for number in 1...3 { _ = try queue.add(prompt(number), mode: .queue, while: .idle) }
    try queue.move(prompt(3), before: prompt(1))
    #expect(queue.order == [try prompt(3), try prompt(1), try prompt(2)])
    try queue.move(prompt(3), before: nil)
    try queue.move(prompt(2), before: prompt(2))
    #expect(queue.order == [try prompt(1), try prompt(2), try prompt(3)])
    let before = queue
    #expect(throws: RookeryError.self) { try queue.move(prompt(9), before: prompt(1)) }
    #expect(throws: RookeryError.self) { try queue.move(prompt(1), before: prompt(9)) }
    #expect(queue == before)
  }

  @Test func tooManyAreRefused() throws {
    var queue = PromptQueue()
    for number in 0..<PromptQueue.limit { _ = try queue.add(prompt(number), mode: .queue, while: .idle) }
    let full = queue
    let error = #expect(throws: RookeryError.self) { try queue.add(prompt(1000), mode: .interrupt, while: .idle) }
    #expect(error?.code == .rateLimited)
    #expect(queue == full)
  }

  /// Whatever people do: no prompt is lost or doubled, and plain ones that nobody moved keep their order.
  @Test(arguments: 1...40) func nothingIsLostOrDoubled(seed: UInt64) throws {
    var random = Seeded(state: seed &* 0x9e37_79b9_7f4a_7c15)
    var queue = PromptQueue()
    var (added, gone, moved): (Set<PromptID>, Set<PromptID>, Set<PromptID>) = ([], [], [])
    var plain: [PromptID] = []
    let standings: [PromptQueue.Standing] = [.idle, .steerable, .busy(reason: "busy")]
    for step in 0..<400 {
      let victim = queue.order.randomElement(using: &random)
      switch Int.random(in: 0..<8, using: &random) {
      case 0...2:
        let (id, mode) = (try prompt(step), PromptMode.allCases.randomElement(using: &random) ?? .queue)
        let standing = standings.randomElement(using: &random) ?? .idle
        guard queue.waiting.count < PromptQueue.limit else { continue }
        let admission = try queue.add(id, mode: mode, while: standing)
        added.insert(id)
        if mode == .queue { plain.append(id) }
        #expect((admission == .interrupt) == (mode == .interrupt && standing != .idle))
        #expect((admission == .steer) == (mode == .steer && standing == .steerable))
        #expect(queue.contains(id))
      case 3, 4:
        guard let victim else { continue }
        let isTaken = queue.take(victim)
        #expect(isTaken)
        gone.insert(victim)
      case 5:
        guard let victim else { continue }
        try queue.move(victim, before: Bool.random(using: &random) ? queue.order.randomElement(using: &random) : nil)
        moved.insert(victim)
      case 6:
        guard let victim else { continue }
        _ = try queue.change(victim, to: PromptMode.allCases.randomElement(using: &random) ?? .queue, while: .steerable)
        moved.insert(victim)
      default:
        guard let back = gone.randomElement(using: &random) else { continue }
        queue.putBack(back)
        gone.remove(back)
        moved.insert(back)
      }
      #expect(Set(queue.order).count == queue.waiting.count)
      #expect(Set(queue.order).union(gone) == added)
      #expect(Set(queue.order).isDisjoint(with: gone))
      let still = queue.order.filter { plain.contains($0) && !moved.contains($0) }
      #expect(still == plain.filter { still.contains($0) })
    }
  }

  private struct Seeded: RandomNumberGenerator {
    var state: UInt64
    mutating func next() -> UInt64 {
      state &+= 0x9e37_79b9_7f4a_7c15
      var mixed = state
      mixed = (mixed ^ (mixed >> 30)) &* 0xbf58_476d_1ce4_e5b9
      mixed = (mixed ^ (mixed >> 27)) &* 0x94d0_49bb_1331_11eb
      return mixed ^ (mixed >> 31)
    }
  }
}
