import RookeryModel
import Testing

@testable import RookeryCommands

@Suite struct SupervisorStateTests {
  /// All three run and answer.
  private func running() -> SupervisorState {
    var state = SupervisorState()
    _ = state.begin()
    for role in [ProcessRole.host, .gateway] {
      _ = state.spawned(role)
      _ = state.answered(role)
    }
    _ = state.spawned(.serve)
    _ = state.answered(.serve)
    return state
  }

  @Test func startsServeWhenTheOthersAnswer() {
    var state = SupervisorState()
    #expect(state.begin() == [.spawn(.host), .spawn(.gateway)])
    #expect(state.spawned(.host) == [])
    #expect(state.spawned(.gateway) == [])
    #expect(state.answered(.gateway) == [])
    #expect(state.answered(.host) == [.spawn(.serve)])
    #expect(state.spawned(.serve) == [])
    #expect(!state.isReady)
    #expect(state.answered(.serve) == [.announceReady])
    #expect(state.isReady)
  }

  @Test func restartsWhatDiesAndAnnouncesOnce() {
    var state = running()
    #expect(state.exited(.serve, .signal(9), lived: .seconds(100)) == [.retry(.serve, after: .milliseconds(250))])
    #expect(!state.isReady)
    #expect(state.retryDue(.serve) == [.spawn(.serve)])
    #expect(state.spawned(.serve) == [])
    #expect(state.answered(.serve) == [])
    #expect(state.isReady)
  }

  @Test func waitsLongerForWhatKeepsDying() {
    var state = running()
    var waits: [Duration] = []
    for _ in 0..<10 {
      for case .retry(.host, let wait) in state.exited(.host, .code(1), lived: .seconds(1)) { waits.append(wait) }
      #expect(state.retryDue(.host) == [.spawn(.host)])
      _ = state.spawned(.host)
    }
    #expect(waits.prefix(4) == [.milliseconds(250), .milliseconds(500), .seconds(1), .seconds(2)])
    #expect(waits.last == .seconds(30))
    #expect(state.deaths(of: .host) == 10)
    #expect(state.exited(.host, .code(1), lived: .seconds(31)) == [.retry(.host, after: .milliseconds(250))])
  }

  @Test func aWrongConfigurationEndsEverything() {
    var state = running()
    #expect(
      state.exited(.serve, .code(2), lived: .seconds(1)) == [.terminate(.gateway), .killTimer(.gateway, after: SupervisorState.grace)])
    #expect(
      state.exited(.gateway, .code(0), lived: .seconds(1)) == [.terminate(.host), .killTimer(.host, after: SupervisorState.grace)])
    #expect(state.exited(.host, .code(0), lived: .seconds(1)) == [.finish(.usage)])
  }

  @Test func stopsInOrderAndLeavesSandboxes() {
    var state = running()
    #expect(state.stopRequested(.leaveSandboxes) == [.terminate(.serve), .killTimer(.serve, after: SupervisorState.grace)])
    #expect(state.stopRequested(.leaveSandboxes) == [])
    #expect(state.killDue(.serve) == [.kill(.serve)])
    #expect(state.exited(.serve, .signal(9), lived: .zero).first == .terminate(.gateway))
    #expect(state.killDue(.serve) == [])
    #expect(state.exited(.gateway, .code(0), lived: .zero).first == .terminate(.host))
    #expect(state.exited(.host, .code(0), lived: .zero) == [.finish(.success)])
  }

  @Test func endsSandboxesBetweenServeAndHost() {
    var state = running()
    #expect(state.stopRequested(.endSandboxes).first == .terminate(.serve))
    #expect(state.exited(.serve, .code(0), lived: .zero) == [.endSandboxes])
    // The host may die in the middle of it.
    #expect(state.exited(.host, .signal(9), lived: .zero) == [])
    #expect(state.sandboxesEnded(succeeded: false).first == .terminate(.gateway))
    #expect(state.exited(.gateway, .code(0), lived: .zero) == [.finish(.failed)])
  }

  @Test func aPlainStopCanStillBecomeADown() {
    var state = running()
    _ = state.stopRequested(.leaveSandboxes)
    #expect(state.stopRequested(.endSandboxes) == [])
    #expect(state.exited(.serve, .code(0), lived: .zero) == [.endSandboxes])
    #expect(state.sandboxesEnded(succeeded: true).first == .terminate(.gateway))
  }

  @Test func stopsWhatWaitsForARestart() {
    var state = running()
    _ = state.exited(.serve, .code(1), lived: .zero)
    _ = state.exited(.gateway, .code(1), lived: .zero)
    #expect(state.stopRequested(.leaveSandboxes).first == .terminate(.host))
    #expect(state.retryDue(.serve) == [])
    #expect(state.exited(.host, .code(0), lived: .zero) == [.finish(.success)])
  }

  @Test func stopsBeforeServeWasStarted() {
    var state = SupervisorState()
    _ = state.begin()
    _ = state.spawned(.host)
    #expect(state.spawnFailed(.gateway).first == .terminate(.host))
    #expect(state.answered(.host) == [])
    #expect(state.exited(.host, .code(0), lived: .zero) == [.finish(.failed)])
  }

  @Test func clearingStartsTheHostOnly() {
    var state = SupervisorState()
    #expect(state.beginClearing() == [.spawn(.host)])
    #expect(state.stopRequested(.endSandboxes) == [.endSandboxes])
    _ = state.spawned(.host)
    #expect(state.answered(.host) == [])
    #expect(state.sandboxesEnded(succeeded: true) == [.terminate(.host), .killTimer(.host, after: SupervisorState.grace)])
    #expect(state.exited(.host, .code(0), lived: .zero) == [.finish(.success)])
  }

  /// Whatever happens in whatever order: a stop ends, once, and nothing is started after it began.
  @Test func everyHistoryEnds() {
    var random = SystemRandomNumberGenerator()
    for _ in 0..<2000 {
      var state = running()
      var living = Set(ProcessRole.allCases)
      var finishes = 0
      var endings = 0
      var stopped = false
      var queue: [SupervisorState.Action] = []
      for step in 0..<200 where finishes == 0 {
        let role = ProcessRole.allCases.randomElement(using: &random) ?? .host
        switch Int.random(in: 0..<5, using: &random) {
        case 0 where living.contains(role): queue += state.exited(role, .code(1), lived: .seconds(step)); living.remove(role)
        case 1: queue += state.retryDue(role)
        case 2: queue += state.answered(role)
        case 3 where step > 20: queue += state.stopRequested(Bool.random(using: &random) ? .endSandboxes : .leaveSandboxes); stopped = true
        case 4 where stopped && !living.isEmpty: queue += state.killDue(role)
        default: break
        }
        while !queue.isEmpty {
          switch queue.removeFirst() {
          case .spawn(let role):
            #expect(!stopped)
            living.insert(role)
            queue += state.spawned(role)
          case .terminate(let role), .kill(let role):
            if living.remove(role) != nil { queue += state.exited(role, .code(0), lived: .zero) }
          case .endSandboxes:
            endings += 1
            queue += state.sandboxesEnded(succeeded: true)
          case .finish: finishes += 1
          case .retry, .killTimer, .announceReady: break
          }
        }
      }
      #expect(finishes == (stopped ? 1 : 0))
      #expect(endings <= 1)
      if stopped { #expect(living.isEmpty) }
    }
  }
}
