/// How much disk all journals together may take. Nothing is dropped when it is used up: reading stops until something is acknowledged.
package struct JournalBudget: Sendable, Equatable {
  package let limit: UInt64
  package private(set) var used: UInt64 = 0
  /// Set when reading stopped, until enough is free to go on.
  package private(set) var isFull = false

  package init(limit: UInt64) { self.limit = limit }

  /// How many bytes may be read now; 0 marks the budget full.
  package mutating func grant(_ wanted: UInt64) -> UInt64 {
    let room = limit > used ? limit - used : 0
    guard !isFull, room >= 2 * StreamLedger.block else {
      isFull = true
      return 0
    }
    return min(wanted, room - StreamLedger.block)
  }

  package mutating func changed(from old: UInt64, to new: UInt64) {
    used = used + new >= old ? used + new - old : 0
  }

  /// The disk itself had no room, which the budget can't know.
  package mutating func markFull() { isFull = true }

  /// Whether reading may go on; clears the mark then. Some room is left first, so that a small acknowledgement does not toggle it.
  package mutating func resumes() -> Bool {
    let needed = max(2 * StreamLedger.block, min(1 << 18, limit / 4))
    guard isFull, limit > used, limit - used >= needed else { return false }
    isFull = false
    return true
  }
}
