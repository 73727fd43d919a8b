import CSandbox
import Foundation
import Glibc
import RookeryModel
import Synchronization

/// One accepted connection: reads a request, runs the handler, writes the answer, over and over, on the thread that calls `serve`.
final class ServedConnection: Sendable {
  private struct State {
    var cancelled = false
    var task: Task<Void, Never>?
    var answer: Data?
    var closed = false
  }

  private let descriptor: Int32
  private let bounds: ControlServer.Bounds
  private let wake: WakeDescriptor
  private let state = Mutex(State())

  /// Takes over `descriptor` when it does not throw.
  init(descriptor: Int32, bounds: ControlServer.Bounds) throws {
    wake = try WakeDescriptor()
    self.descriptor = descriptor
    self.bounds = bounds
  }

  /// Cuts the connection from another thread; `serve` returns soon after.
  func cancel() {
    state.withLock { state in
      state.cancelled = true
      state.task?.cancel()
      if !state.closed { shutdown(descriptor, Int32(SHUT_RDWR)) }
    }
    wake.signal()
  }

  /// Closes the descriptor. Called once `serve` has returned.
  func finish() {
    state.withLock { state in
      if !state.closed { close(descriptor) }
      state.closed = true
    }
  }

  func serve(allowedUsers: Set<UInt32>, handler: @escaping ControlServer.Handler) {
    let socket = FrameSocket(descriptor: descriptor)
    do {
      let peer = try PeerCredentials(of: descriptor)
      guard allowedUsers.contains(peer.uid) else {
        throw RookeryError(
          .forbidden, "User \(peer.uid) may not use this service.", mend: "Run the command as the user that Rookery was set up for.")
      }
      while let frame = try socket.read(idle: .now + bounds.idle, whole: bounds.frame) {
        guard let answer = answer(to: frame, peer: peer, handler: handler) else { return }
        try socket.write(answer, until: .now + bounds.frame)
      }
    } catch let error as RookeryError {
      // Said once; then the connection is cut, since its frames can't be told apart any more.
      if let frame = try? ControlFrame.failure(error) { try? socket.write(frame, until: .now + .seconds(1)) }
    } catch {
      // The peer is gone, too slow, or cut off.
    }
  }

  /// The handler's answer, or nil when the peer went away (its handler is cancelled) or the server stops.
  private func answer(to frame: FrameSocket.Frame, peer: PeerCredentials, handler: @escaping ControlServer.Handler) -> Data? {
    wake.clear()
    let started = state.withLock { state in
      guard !state.cancelled else { return false }
      state.answer = nil
      state.task = Task {
        let answer = await Self.answer(to: frame, peer: peer, handler: handler)
        self.state.withLock { $0.answer = answer }
        self.wake.signal()
      }
      return true
    }
    guard started else {
      for descriptor in frame.descriptors { close(descriptor) }
      return nil
    }
    if wake.wait(beside: descriptor, events: Int16(CS_POLL_PEER_CLOSED), until: nil) == .descriptor {
      state.withLock { $0.task?.cancel() }
      return nil
    }
    return state.withLock { $0.cancelled ? nil : $0.answer }
  }

  private static func answer(to frame: FrameSocket.Frame, peer: PeerCredentials, handler: ControlServer.Handler) async -> Data {
    do {
      return try ControlFrame.success(await handler(frame.body, peer, frame.descriptors))
    } catch {
      // Encoding a failure fails only when its text alone is over the limit of a frame.
      return (try? ControlFrame.failure(error)) ?? Data([0, 0, 0, 0])
    }
  }
}
