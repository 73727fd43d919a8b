import Foundation
import Glibc
import RookeryControl
import RookeryModel
import Synchronization

/// A gateway that answers every connection to a listener it was handed with the broker's and the sandbox's name.
final class GatewayDouble: Sendable {
  private struct State {
    var adopted: [SandboxID: [Int32]] = [:]
    var server: ControlServer?
  }

  private let path: String
  private let state = Mutex(State())

  init(path: String) throws {
    self.path = path
    try start()
  }

  var adopted: Set<SandboxID> { state.withLock { Set($0.adopted.keys) } }

  /// As if the gateway's process ended: its listeners close.
  func stop() {
    state.withLock { state in
      state.server?.stop()
      state.server = nil
      for listener in state.adopted.values.joined() { shutdown(listener, Int32(SHUT_RDWR)) }
      state.adopted = [:]
    }
  }

  func start() throws {
    let server = try ControlServer(path: path, mode: 0o600, owner: nil, allowedUsers: [geteuid()]) { [weak self] data, _, descriptors in
      let request = try JSON.decode(GatewayRequest.self, from: data)
      return try JSON.encode(self?.answer(request, descriptors) ?? .done)
    }
    state.withLock { $0.server = server }
  }

  private func answer(_ request: GatewayRequest, _ descriptors: [Int32]) -> GatewayResponse {
    switch request {
    case .adopted: return .adopted(Array(adopted))
    case .adopt(let id, let sockets):
      var served: [Int32] = []
      for (socket, listener) in zip(sockets, descriptors) {
        // Datagrams and reports of the kernel are for the real one.
        if socket == .datagrams || socket == .rejections {
          close(listener)
        } else {
          served.append(listener)
          serve(listener, "\(socket.rawValue) of \(id)\n")
        }
      }
      // Numbers that were closed are not kept: they soon are somebody else's.
      state.withLock { $0.adopted[id] = served }
    case .release(let id):
      let listeners = state.withLock { $0.adopted.removeValue(forKey: id) } ?? []
      for listener in listeners { shutdown(listener, Int32(SHUT_RDWR)) }
    default: break
    }
    return .done
  }

  private func serve(_ listener: Int32, _ banner: String) {
    BlockingThread.start(name: "gateway-double") {
      while true {
        var ready = pollfd(fd: listener, events: Int16(POLLIN), revents: 0)
        guard poll(&ready, 1, -1) > 0, ready.revents & Int16(POLLHUP | POLLERR | POLLNVAL) == 0 else { break }
        let connection = accept(listener, nil, nil)
        guard connection >= 0 else {
          if errno == EAGAIN { continue }
          break
        }
        _ = write(connection, banner, banner.utf8.count)
        close(connection)
      }
      close(listener)
    }
  }
}
