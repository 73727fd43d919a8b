import Glibc

/// The read end of a process's stdout or stderr, and the journal that it goes to.
final class OutputPipe {
  let stream: OutputStream
  let journal: JournalFile
  private(set) var descriptor: Int32
  let token: UInt64
  /// Read from the pipe, while the disk had no room.
  private var unwritten: [UInt8] = []
  /// Reading is stopped until the journal has room.
  private(set) var isHeldUp = false
  /// Reading is stopped until the output's pace allows it again.
  var isPaced = false

  init(stream: OutputStream, journal: JournalFile, descriptor: Int32, token: UInt64) {
    self.stream = stream
    self.journal = journal
    self.descriptor = descriptor
    self.token = token
  }

  var isOpen: Bool { descriptor >= 0 }
  /// Nothing more comes and everything is journaled.
  var isAtEnd: Bool { !isOpen && unwritten.isEmpty }
  /// What is left in the pipe.
  var level: UInt64 { isOpen ? UInt64(pipeLevel(descriptor)) : 0 }

  enum Outcome {
    case read(Int)
    /// The disk or the budget has no room: nothing more is read until `resume`.
    case heldUp(read: Int)
    case nothing
    case end
  }

  /// Moves what fits from the pipe into the journal.
  func drain(into budget: inout JournalBudget, buffer: UnsafeMutableRawBufferPointer) -> Outcome {
    guard isOpen, !isHeldUp, !isPaced else { return .nothing }
    let granted = Int(budget.grant(UInt64(buffer.count)))
    guard granted > 0 else {
      isHeldUp = true
      return .heldUp(read: 0)
    }
    let count = read(descriptor, buffer.baseAddress, granted)
    if count == 0 { return .end }
    guard count > 0 else { return errno == EAGAIN || errno == EINTR ? .nothing : .end }
    let bytes = UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer(buffer)[..<count])
    let written = store(bytes, budget: &budget)
    guard written < count else { return .read(count) }
    unwritten = Array(bytes[written...])
    isHeldUp = true
    budget.markFull()
    return .heldUp(read: count)
  }

  /// Tries to go on after being held up; false when the disk still has no room.
  func resume(budget: inout JournalBudget) -> Bool {
    if !unwritten.isEmpty {
      let written = unwritten.withUnsafeBytes { store($0, budget: &budget) }
      unwritten.removeFirst(written)
      guard unwritten.isEmpty else {
        budget.markFull()
        return false
      }
    }
    isHeldUp = false
    return true
  }

  /// Stops reading until the next `resume`.
  func holdUp() { isHeldUp = true }

  func close() {
    guard isOpen else { return }
    _ = Glibc.close(descriptor)
    descriptor = -1
  }

  deinit { close() }

  private func store(_ bytes: UnsafeRawBufferPointer, budget: inout JournalBudget) -> Int {
    let before = journal.ledger.charge
    defer { budget.changed(from: before, to: journal.ledger.charge) }
    return (try? journal.append(bytes)) ?? 0
  }
}
