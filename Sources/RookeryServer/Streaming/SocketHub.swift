import NIOCore
import RookeryModel
import RookerySessions
import RookeryWebSocket
import Synchronization

/// Every socket of the process that follows a session. Sockets are held here and not by sessions, so that an idle session's actor and
/// file can go while its sockets stay.
final class SocketHub: Sendable {
  private struct Key: Hashable {
    var session: SessionID
    var loop: ObjectIdentifier
  }

  private struct Entry {
    var group: SocketGroup
    var sockets = 0
  }

  private struct State {
    var groups: [Key: Entry] = [:]
    var isClosed = false
  }

  private let state = Mutex(State())

  /// The group of a session's sockets on `loop`, to be given back with `leave`.
  func join(_ feed: SessionFeed, on loop: any EventLoop) throws -> SocketGroup {
    try state.withLock { state in
      guard !state.isClosed else {
        throw RookeryError(.unavailable, "The server is shutting down.", mend: "Try again in a moment.")
      }
      let key = Key(session: feed.session, loop: ObjectIdentifier(loop))
      if let group = state.groups[key]?.group, group.feed === feed {
        state.groups[key]?.sockets += 1
        return group
      }
      let group = try SocketGroup(feed, on: loop)
      state.groups[key] = Entry(group: group, sockets: 1)
      return group
    }
  }

  func leave(_ group: SocketGroup) {
    let isLast = state.withLock { state in
      let key = Key(session: group.feed.session, loop: ObjectIdentifier(group.loop))
      // A session that was deleted and made again under the same id has a group of its own.
      guard let entry = state.groups[key], entry.group === group else { return true }
      guard entry.sockets == 1 else {
        state.groups[key]?.sockets -= 1
        return false
      }
      state.groups[key] = nil
      return true
    }
    if isLast { group.feed.remove(group) }
  }

  /// Sends every client away with 1001; none is taken any more.
  func close() {
    let groups = state.withLock { state in
      state.isClosed = true
      return state.groups.values.map(\.group)
    }
    for group in groups { group.close(.goingAway) }
  }
}
