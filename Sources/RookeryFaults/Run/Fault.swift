import Foundation
import Glibc
import RookeryCommands
import RookeryModel

/// Something that is done to the running system.
package enum Fault: String, Sendable, CaseIterable {
  case killServe, killHost, killGateway, killRunner, killAgent
  case terminateServe, freezeServe, freezeHost, freezeGateway, freezeRunner
  case cutRunner, storm, restart, fillDisk

  /// A `kill -9`.
  package var isKill: Bool {
    switch self {
    case .killServe, .killHost, .killGateway, .killRunner, .killAgent: true
    default: false
    }
  }

  /// Kills, with those of the server most often: it holds the log.
  static let kills: [Fault] = [.killServe, .killServe, .killServe, .killServe, .killHost, .killGateway, .killRunner, .killAgent]
  static let others: [Fault] = [
    .terminateServe, .freezeServe, .freezeHost, .freezeGateway, .freezeRunner, .cutRunner, .cutRunner, .storm, .restart, .fillDisk,
    .fillDisk,
  ]

  /// Whether turns of the session may end early for it.
  var endsTurns: Bool { self == .killRunner || self == .killAgent }
}

/// Does faults to a system.
struct FaultInjector: Sendable {
  let system: FaultSystem
  let recorder: HistoryRecorder

  /// Returns false when there was nothing to do it to.
  func inject(_ fault: Fault, session: SessionID?, freeze: Duration) async throws -> Bool {
    switch fault {
    case .killServe: return try signal(system.processes("serve"), SIGKILL)
    case .killHost: return try signal(system.processes("host"), SIGKILL)
    case .killGateway: return try signal(system.processes("gateway"), SIGKILL)
    case .terminateServe: return try signal(system.processes("serve"), SIGTERM)
    case .freezeServe: return try await hold(system.processes("serve"), freeze)
    case .freezeHost: return try await hold(system.processes("host"), freeze)
    case .freezeGateway: return try await hold(system.processes("gateway"), freeze)
    case .restart:
      try await system.restart()
      return true
    case .fillDisk: return try await fillDisk(freeze, session)
    case .storm:
      guard let session else { return false }
      await StreamReader.storm(system, recorder, session, clients: 24, rounds: 3)
      return true
    case .killRunner, .killAgent, .freezeRunner, .cutRunner:
      guard let session, let sandbox = await recorder.sandbox(of: session) else { return false }
      if fault.endsTurns { await recorder.disturb(session) }
      switch fault {
      case .killRunner: return try signal(system.runners(of: sandbox), SIGKILL)
      case .killAgent: return try signal(system.agents(of: sandbox), SIGKILL)
      case .freezeRunner: return try await hold(system.runners(of: sandbox), freeze)
      default: return try system.cutConnections(of: sandbox) > 0
      }
    }
  }

  private func signal(_ pids: [pid_t], _ number: Int32) -> Bool {
    var reached = false
    for pid in pids where Foundation.kill(pid, number) == 0 { reached = true }
    return reached
  }

  /// Stops processes for a while: to whoever talks to them they are a network that swallows everything.
  private func hold(_ pids: [pid_t], _ time: Duration) async throws -> Bool {
    defer { _ = signal(pids, SIGCONT) }
    guard signal(pids, SIGSTOP) else { return false }
    try await Task.sleep(for: time)
    return true
  }

  /// Leaves no byte for the databases for a while. Reading must go on meanwhile.
  private func fillDisk(_ time: Duration, _ session: SessionID?) async throws -> Bool {
    guard system.hasSmallDisk else { return false }
    let path = system.data + "/serve/filler"
    try Data().write(to: URL(filePath: path))
    defer { try? FileManager.default.removeItem(atPath: path) }
    let file = try FileHandle(forWritingTo: URL(filePath: path))
    defer { try? file.close() }
    // In ever smaller pieces, to the last byte.
    for size in [1 << 20, 1 << 12, 1] {
      let piece = Data(repeating: 0x78, count: size)
      while (try? file.write(contentsOf: piece)) != nil {}
    }
    try await Task.sleep(for: time)
    guard let session else { return true }
    do {
      _ = try await system.api.get("/v1/sessions/\(session)/events?after=0&limit=100", as: API.Events.self)
    } catch let error as RookeryError where error.code != .unavailable {
      throw FaultRunFailed("a session can't be read while the disk is full: \(error) (\(error.code.rawValue))")
    }
    return true
  }
}
