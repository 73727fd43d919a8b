/// How far one client follows a process's output, and how much more it may be sent.
package struct OutputWindow: Sendable, Equatable {
  private let from: OutputOffsets
  private let window: UInt64
  package private(set) var sent: OutputOffsets

  /// At most `window` bytes are in flight, at least one.
  package init(from: OutputOffsets, window: UInt64) {
    self.from = from
    self.window = max(1, window)
    sent = from
  }

  /// How many bytes may be sent now, given what all clients together acknowledged.
  package func allowance(acknowledged: OutputOffsets) -> UInt64 {
    var inFlight: UInt64 = 0
    for stream in OutputStream.allCases {
      let floor = max(from[stream], acknowledged[stream])
      if sent[stream] > floor { inFlight += sent[stream] - floor }
    }
    return window > inFlight ? window - inFlight : 0
  }

  package mutating func advance(_ stream: OutputStream, by count: UInt64) { sent[stream] += count }
}
