/// The offsets of one journaled stream: how far it was written, acknowledged, and freed on disk.
package struct StreamLedger: Sendable, Equatable {
  package static let block: UInt64 = 4096
  /// Freeing costs a system call, so acknowledgements are gathered up to this many bytes.
  package static let freeingStep: UInt64 = 1 << 16

  package private(set) var end: UInt64
  package private(set) var acknowledged: UInt64
  /// Everything before this offset is gone from disk. Block aligned, so it may lie behind `end`.
  package private(set) var freed: UInt64

  package init(end: UInt64 = 0, freed: UInt64 = 0) {
    self.end = end
    self.freed = freed < end ? freed / Self.block * Self.block : Self.roundUp(end)
    acknowledged = min(end, self.freed)
  }

  /// What the stream takes on disk, in whole blocks.
  package var charge: UInt64 {
    let top = Self.roundUp(end)
    return top > freed ? top - freed : 0
  }

  package mutating func appended(_ count: UInt64) {
    // The block that holds the end was freed whole: what follows is written into a new one.
    if freed > end { freed = end / Self.block * Self.block }
    end += count
  }

  /// Notes that everything before `offset` is stored. Offsets beyond the end count as the end; smaller ones than before change nothing.
  package mutating func acknowledge(_ offset: UInt64) {
    acknowledged = max(acknowledged, min(offset, end))
  }

  /// The bytes to free now, in whole blocks; `all` frees as little as one block. The caller frees exactly this range.
  package mutating func takeFreeable(all: Bool) -> Range<UInt64>? {
    let top = acknowledged == end ? Self.roundUp(end) : acknowledged / Self.block * Self.block
    guard top > freed, all || top - freed >= Self.freeingStep else { return nil }
    defer { freed = top }
    return freed..<top
  }

  /// Whether output at `offset` can still be read.
  package func holds(_ offset: UInt64) -> Bool { offset >= acknowledged }

  private static func roundUp(_ offset: UInt64) -> UInt64 { (offset + block - 1) / block * block }
}
