import Foundation
import Logging
import RookeryControl
import RookeryModel

/// Tells the gateway, which sees no processes, which programs have the sockets that it refused.
struct SocketNaming: Sendable {
  /// How long one look may take.
  private static let patience = Duration.milliseconds(250)

  let table: ListenerTable
  let layout: CgroupLayout
  let gateway: ControlClient
  let log: Logger

  init(context: HostContext) {
    (table, layout, log) = (context.handover, context.layout, context.log)
    gateway = ControlClient(path: context.settings.gatewaySocket, allowedServers: [context.settings.gatewayUser])
  }

  /// Runs until the task is cancelled. Survives restarts of the gateway.
  func run() async {
    await withDiscardingTaskGroup { group in
      while !Task.isCancelled {
        do {
          let answer = try await gateway.call(GatewayRequest.nextSockets(wait: 20), as: GatewayResponse.self, timeout: .seconds(30))
          guard case .sockets(let questions) = answer else { throw RookeryError(.internal, "The gateway gave an unexpected answer.") }
          for question in questions { group.addTask { await reply(to: question) } }
        } catch {
          // The hand-over of listeners says that the gateway is away.
          try? await Task.sleep(for: .seconds(1))
        }
      }
    }
  }

  private func reply(to question: SocketQuestion) async {
    let program = await owner(question)
    do {
      _ = try await gateway.call(
        GatewayRequest.socketOwner(question: question.number, program: program), as: GatewayResponse.self, timeout: .seconds(5))
    } catch {
      log.debug("a socket's owner could not be told", metadata: ["error": "\(error)"])
    }
  }

  private func owner(_ question: SocketQuestion) async -> String? {
    guard let process = table.process(of: question.sandbox) else { return nil }
    return try? await BlockingThread.run(name: "socket-owner") {
      let cgroup = SandboxCgroup(layout: layout, id: question.sandbox)
      let owner = SocketOwner(initProcess: process.pid, processes: cgroup.processes(), deadline: .now + Self.patience)
      let program = owner.program(of: question.peer)
      // The number may be another process's by now, in another network.
      return process.isAlive ? program : nil
    }
  }
}
