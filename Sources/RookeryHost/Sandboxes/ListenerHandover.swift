import Foundation
import Logging
import RookeryControl
import RookeryModel

/// Keeps the gateway in possession of every living sandbox's listeners: hands over what it lacks, takes back what is over.
///
/// It compares after every change and about once a second, so a gateway that was restarted has them again soon.
struct ListenerHandover: Sendable {
  let table: ListenerTable
  let gateway: ControlClient
  let log: Logger

  init(table: ListenerTable, settings: HostSettings, log: Logger) {
    self.table = table
    gateway = ControlClient(path: settings.gatewaySocket, allowedServers: [settings.gatewayUser])
    self.log = log
  }

  /// Runs until the task is cancelled.
  func run() async {
    await withTaskGroup(of: Void.self) { group in
      group.addTask {
        while (try? await Task.sleep(for: .seconds(1))) != nil { table.nudge() }
        table.finish()
      }
      var wasReachable = true
      for await _ in table.changes {
        do {
          try await reconcile()
          if !wasReachable { log.notice("the gateway answers again") }
          wasReachable = true
        } catch {
          if Task.isCancelled { break }
          if wasReachable { log.warning("listeners can't be handed to the gateway", metadata: ["error": "\(error)"]) }
          wasReachable = false
        }
      }
      group.cancelAll()
    }
  }

  /// One comparison.
  func reconcile() async throws {
    let wanted = table.snapshot()
    let answer = try await gateway.call(GatewayRequest.adopted, as: GatewayResponse.self, timeout: .seconds(10))
    guard case .adopted(let ids) = answer else { throw RookeryError(.internal, "The gateway gave an unexpected answer.") }
    let adopted = Set(ids)
    for (id, entry) in wanted where !adopted.contains(id) {
      // One sandbox that ended meanwhile must not keep the others waiting.
      do { try await handOver(id, entry) } catch let error as RookeryError where error.code != .unavailable {
        log.warning("listeners not handed over", metadata: ["sandbox": "\(id)", "error": "\(error)", "context": "\(error.context)"])
      }
    }
    for id in adopted where wanted[id] == nil {
      _ = try await gateway.call(GatewayRequest.release(id), as: GatewayResponse.self, timeout: .seconds(10))
    }
  }

  private func handOver(_ id: SandboxID, _ entry: ListenerTable.Entry) async throws {
    let listeners: SandboxNetwork.Sockets
    if let held = entry.listeners {
      listeners = held
    } else {
      guard entry.process.isAlive else { return }
      listeners = try await BlockingThread.run(name: "listeners") {
        try SandboxNetwork.listeners(inNamespaceOf: entry.process.pid)
      }
      table.keep(listeners, for: id)
    }
    _ = try await gateway.call(
      GatewayRequest.adopt(id, sockets: listeners.kinds), as: GatewayResponse.self, descriptors: listeners.numbers,
      timeout: .seconds(10))
    withExtendedLifetime(listeners) {}
  }
}
