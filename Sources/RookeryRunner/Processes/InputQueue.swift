/// The stdin of one process: what was accepted from clients, by offset, and what waits for room in the pipe.
package struct InputQueue: Sendable {
  /// The most bytes that wait.
  package static let capacity = 1 << 20

  package enum Outcome: Sendable, Equatable {
    /// Everything before this offset is accepted.
    case accepted(UInt64)
    /// No byte had room: ask again when some was written.
    case full
    case gap(UInt64)
    case closed
  }

  /// How many bytes were accepted since the process started.
  package private(set) var accepted: UInt64 = 0
  private var waiting: [UInt8] = []
  private var written = 0
  private var isOpen: Bool

  package init(isOpen: Bool) { self.isOpen = isOpen }

  package var waitingCount: Int { waiting.count - written }
  /// The write end is to be closed: nothing waits and nothing more will come.
  package var isDrained: Bool { !isOpen && waitingCount == 0 }
  /// Enough room to answer a client that was told to wait.
  package var hasRoom: Bool { waitingCount <= Self.capacity / 2 }

  /// Takes what fits of `bytes`, which start at `offset`; those that were accepted before are skipped.
  package mutating func offer(_ bytes: [UInt8], at offset: UInt64) -> Outcome {
    guard offset <= accepted else { return .gap(accepted) }
    let known = accepted - offset
    guard known < UInt64(bytes.count) else { return .accepted(accepted) }
    guard isOpen else { return .closed }
    let new = bytes[Int(known)...].prefix(Self.capacity - waitingCount)
    guard !new.isEmpty else { return .full }
    waiting.append(contentsOf: new)
    accepted += UInt64(new.count)
    return .accepted(accepted)
  }

  /// Shows what waits to `body`, which returns how much of it was written.
  package mutating func write(_ body: (UnsafeRawBufferPointer) -> Int) {
    let count = waiting.withUnsafeBytes { body(UnsafeRawBufferPointer(rebasing: $0[written...])) }
    written += max(0, min(count, waitingCount))
    if written == waiting.count {
      waiting = []
      written = 0
    } else if written > Self.capacity / 4 {
      waiting.removeFirst(written)
      written = 0
    }
  }

  /// No more bytes will come; those that wait are still written.
  package mutating func close() { isOpen = false }

  /// The process closed its end: what waits is lost.
  package mutating func abandon() {
    isOpen = false
    waiting = []
    written = 0
  }
}
