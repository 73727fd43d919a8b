import CSandbox
import Foundation
import Glibc
import RookeryModel
import Synchronization

/// One thread that waits for the sockets of all runners, so that no task ever blocks on one and a sandbox costs no thread.
final class RunnerReactor: Sendable {
  /// Made with the first connection; an error stays, since without a poller there is no memory or no descriptor.
  static let shared = Result { try RunnerReactor() }
  /// How often deadlines are looked at, in milliseconds: far more often than they are long.
  private static let tick: Int32 = 1000

  private let poller: Int32
  private let links = Mutex<[UInt64: RunnerLink]>([:])

  private init() throws {
    poller = cs_poller()
    guard poller >= 0 else { throw RookeryError(.unavailable, "No more files can be opened.", context: "epoll_create1: \(-poller)") }
    let thread = Thread { [unowned self] in self.run() }
    thread.name = "runner-reactor"
    thread.start()
  }

  /// Delivers the events of a socket to `link`, from now on until `remove`.
  func add(_ link: RunnerLink, descriptor: Int32, token: UInt64) throws {
    links.withLock { $0[token] = link }
    let error = cs_poller_add(poller, descriptor, token, CS_INTEREST_READ)
    guard error == 0 else {
      links.withLock { _ = $0.removeValue(forKey: token) }
      throw RookeryError(.unavailable, "No more sandboxes can be watched.", context: "epoll_ctl: \(SystemError.text(error))")
    }
  }

  static func watch(_ descriptor: Int32, token: UInt64, forWriting: Bool) {
    guard case .success(let reactor) = shared else { return }
    _ = cs_poller_change(reactor.poller, descriptor, token, forWriting ? CS_INTEREST_BOTH : CS_INTEREST_READ)
  }

  static func remove(_ descriptor: Int32, token: UInt64) {
    guard case .success(let reactor) = shared else { return }
    _ = cs_poller_remove(reactor.poller, descriptor)
    // Outside the lock's scope the link may go, and with it its socket.
    let link = reactor.links.withLock { $0.removeValue(forKey: token) }
    withExtendedLifetime(link) {}
  }

  private func run() {
    var events = [cs_poll_event](repeating: cs_poll_event(), count: Int(CS_POLL_EVENTS))
    var nextCheck = ContinuousClock.now
    while true {
      let count = cs_poller_wait(poller, &events, Self.tick)
      for event in events[..<Int(count)] {
        let link = links.withLock { $0[event.token] }
        link?.ready(readable: event.readable != 0, writable: event.writable != 0)
      }
      guard ContinuousClock.now >= nextCheck else { continue }
      nextCheck = .now + .milliseconds(Int(Self.tick))
      for link in links.withLock({ Array($0.values) }) { link.checkDeadlines() }
    }
  }
}
