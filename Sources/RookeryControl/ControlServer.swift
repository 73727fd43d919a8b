import CSandbox
import Foundation
import Glibc
import RookeryModel
import Synchronization

/// Serves requests of our other processes on a Unix socket, on threads of its own.
///
/// Peers are known by their kernel credentials. A frame, the time to send it and the number of connections are bounded;
/// beyond that number, callers wait in the socket's backlog.
package final class ControlServer: Sendable {
  package typealias Handler = @Sendable (_ request: Data, _ peer: PeerCredentials, _ descriptors: [Int32]) async throws -> Data

  /// Bounds of one server.
  package struct Bounds: Sendable {
    package var connections = 128
    /// From the first byte of a frame to its last.
    package var frame: Duration = .seconds(10)
    /// Between two requests of a connection, and before the first.
    package var idle: Duration = .seconds(60)
    package init() {}
  }

  private struct State {
    var stopped = false
    var live: [UInt64: ServedConnection] = [:]
    var next: UInt64 = 0
  }

  private let path: String
  private let inode: UInt64
  private let listener: Int32
  private let wake: WakeDescriptor
  private let allowedUsers: Set<UInt32>
  private let bounds: Bounds
  private let slots: DispatchSemaphore
  private let handler: Handler
  private let state = Mutex(State())

  /// Binds `path` with `mode` and `owner` (nil: ours) and serves from now on. The handler owns the descriptors it is given.
  ///
  /// A failure that the handler throws reaches the caller as a typed error. When the caller goes away its handler's task is
  /// cancelled. Throws `conflict` when another server answers at `path`.
  package convenience init(
    path: String, mode: UInt16, owner: UInt32?, allowedUsers: Set<UInt32>, handler: @escaping Handler
  ) throws {
    try self.init(path: path, mode: mode, owner: owner, allowedUsers: allowedUsers, bounds: Bounds(), handler: handler)
  }

  package init(
    path: String, mode: UInt16, owner: UInt32?, allowedUsers: Set<UInt32>, bounds: Bounds, handler: @escaping Handler
  ) throws {
    var listener: Int32 = -1
    let error = cs_unix_listen(path, mode_t(mode), owner ?? .max, 256, &listener)
    if error == EADDRINUSE {
      throw RookeryError(.conflict, "Another server already answers at \(path).", mend: "Stop it first: “rookery down”.")
    }
    guard error == 0 else { throw RookeryError.system("listen(\(path))", error) }
    self.path = path
    self.listener = listener
    do { wake = try WakeDescriptor() } catch {
      close(listener)
      throw error
    }
    inode = Self.inode(of: path)
    self.allowedUsers = allowedUsers
    self.bounds = bounds
    self.handler = handler
    slots = DispatchSemaphore(value: bounds.connections)
    BlockingThread.start(name: "control-accept") { self.acceptConnections() }
  }

  /// Closes the socket and unlinks it; running handlers are cancelled and their callers see the connection close. Idempotent.
  package func stop() {
    let live: [ServedConnection]? = state.withLock { state in
      defer { state.stopped = true }
      return state.stopped ? nil : Array(state.live.values)
    }
    guard let live else { return }
    // A successor may have taken the name over: only our own socket is unlinked. Its inode is not used again while we listen.
    if Self.inode(of: path) == inode { unlink(path) }
    wake.signal()
    for connection in live { connection.cancel() }
  }

  private func acceptConnections() {
    while !state.withLock({ $0.stopped }) {
      // Bounded wait: a stop is noticed even while every slot is taken.
      guard slots.wait(timeout: .now() + .milliseconds(200)) == .success else { continue }
      guard let connection = acceptOne() else {
        slots.signal()
        continue
      }
      serve(connection)
    }
    close(listener)
  }

  /// The next connection, or nil after a stop or a failed accept.
  private func acceptOne() -> Int32? {
    guard wake.wait(beside: listener, events: Int16(POLLIN), until: nil) == .descriptor else { return nil }
    var connection: Int32 = -1
    let error = cs_accept(listener, &connection)
    // Out of descriptors: without a pause the loop would spin on the same pending connection.
    if error == EMFILE || error == ENFILE { usleep(50_000) }
    return error == 0 ? connection : nil
  }

  private func serve(_ descriptor: Int32) {
    guard let connection = try? ServedConnection(descriptor: descriptor, bounds: bounds) else {
      close(descriptor)
      slots.signal()
      return
    }
    let number: UInt64? = state.withLock { state in
      guard !state.stopped else { return nil }
      state.next += 1
      state.live[state.next] = connection
      return state.next
    }
    guard let number else {
      connection.finish()
      slots.signal()
      return
    }
    BlockingThread.start(name: "control-serve") { [self] in
      connection.serve(allowedUsers: allowedUsers, handler: handler)
      state.withLock { _ = $0.live.removeValue(forKey: number) }
      connection.finish()
      slots.signal()
    }
  }

  private static func inode(of path: String) -> UInt64 {
    var status = stat()
    return lstat(path, &status) == 0 ? UInt64(status.st_ino) : 0
  }
}
