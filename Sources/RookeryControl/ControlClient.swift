import CSandbox
import Foundation
import Glibc
import RookeryModel
import Synchronization

/// Calls a service of ours over its Unix socket: one connection and one thread for each call, so that a blocking call
/// never holds a thread of Swift's cooperative pool.
package struct ControlClient: Sendable {
  private let path: String
  private let allowedServers: Set<UInt32>

  /// `allowedServers`: users that may own the server; a server of anybody else is refused before anything is sent.
  package init(path: String, allowedServers: Set<UInt32>) {
    self.path = path
    self.allowedServers = allowedServers
  }

  /// Sends `request` with `descriptors` (which stay the caller's) and returns the answer.
  ///
  /// Throws the service's own typed error; `unavailable` when no server answers within `timeout`; `forbidden` when the server
  /// belongs to another user or refuses ours. Cancelling the task ends the call at once.
  package func call<Request: Encodable & Sendable, Response: Decodable & Sendable>(
    _ request: Request, as: Response.Type, descriptors: [Int32] = [], timeout: Duration = .seconds(30)
  ) async throws -> Response {
    let frame = try ControlFrame.encode(JSON.encode(request))
    let call = ControlCall(path: path, allowedServers: allowedServers, deadline: .now + timeout, timeout: timeout)
    let body = try await withTaskCancellationHandler {
      try await BlockingThread.run(name: "control-call") { try call.perform(frame, descriptors: descriptors) }
    } onCancel: {
      call.cancel()
    }
    do {
      return try JSON.decode(ControlAnswer<Response>.self, from: body).result.get()
    } catch let error as DecodingError {
      throw RookeryError(
        .internal, "The answer of the service at \(path) is not understood.", mend: "Run the same version of every Rookery process.",
        context: String(describing: error))
    }
  }
}

/// One call: its connection may be cut from another thread.
private final class ControlCall: Sendable {
  private enum State { case idle, connected(Int32), cancelled }

  private let path: String
  private let allowedServers: Set<UInt32>
  private let deadline: ContinuousClock.Instant
  private let timeout: Duration
  private let state = Mutex(State.idle)

  init(path: String, allowedServers: Set<UInt32>, deadline: ContinuousClock.Instant, timeout: Duration) {
    self.path = path
    self.allowedServers = allowedServers
    self.deadline = deadline
    self.timeout = timeout
  }

  func cancel() {
    state.withLock { state in
      // The thread that reads notices the shutdown and closes.
      if case .connected(let descriptor) = state { shutdown(descriptor, Int32(SHUT_RDWR)) }
      state = .cancelled
    }
  }

  func perform(_ frame: Data, descriptors: [Int32]) throws -> Data {
    var connection: Int32 = -1
    let error = cs_unix_connect(path, max(1, (deadline - .now).pollMilliseconds), &connection)
    guard error == 0 else { throw unavailable(String(cString: strerror(error))) }
    let descriptor = connection
    let cancelled = state.withLock { state in
      if case .cancelled = state { return true }
      state = .connected(descriptor)
      return false
    }
    defer {
      // Under the lock: `cancel` never touches a number that was closed and used again.
      state.withLock { state in
        if case .connected = state { state = .idle }
        close(descriptor)
      }
    }
    if cancelled { throw CancellationError() }
    do {
      return try exchange(frame, descriptors: descriptors, over: FrameSocket(descriptor: descriptor))
    } catch let failure as FrameSocket.Failure {
      if state.withLock({ if case .cancelled = $0 { true } else { false } }) { throw CancellationError() }
      switch failure {
      case .closed: throw unavailable("it closed the connection")
      case .timedOut: throw unavailable("no answer within \(timeout)")
      case .system(let step, let errno): throw unavailable("\(step): \(String(cString: strerror(errno)))")
      }
    }
  }

  private func exchange(_ frame: Data, descriptors: [Int32], over socket: FrameSocket) throws -> Data {
    let server = try PeerCredentials(of: socket.descriptor)
    guard allowedServers.contains(server.uid) else {
      throw RookeryError(
        .forbidden, "The server at \(path) runs as user \(server.uid), which is not expected there.",
        mend: "Find out which program made that socket; stop it and start Rookery again.")
    }
    do {
      try socket.write(frame, descriptors: descriptors, until: deadline)
    } catch FrameSocket.Failure.closed {
      // A server that refuses us says why and closes before it has read everything: the reason can still be read.
    }
    guard let answer = try socket.read(idle: deadline, whole: max(.milliseconds(1), deadline - .now)) else {
      throw FrameSocket.Failure.closed
    }
    // No service of ours answers with descriptors.
    for descriptor in answer.descriptors { close(descriptor) }
    return answer.body
  }

  private func unavailable(_ reason: String) -> RookeryError {
    RookeryError(
      .unavailable, "The service at \(path) does not answer: \(reason).", mend: "Check that Rookery is running: “rookery up”.")
  }
}
