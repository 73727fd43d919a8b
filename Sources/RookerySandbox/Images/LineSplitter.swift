/// Cuts a stream of bytes into lines that can be shown and kept: each at most `limit` bytes, without control sequences. A
/// carriage return starts the line anew, as it does on a terminal, so of a progress bar only its last state is kept.
struct LineSplitter {
  let limit: Int
  private var current: [UInt8] = []
  private var dropped = 0
  private var returned = false

  init(limit: Int = 4096) { self.limit = limit }

  /// The lines that `bytes` completes.
  mutating func add(_ bytes: some Sequence<UInt8>) -> [String] {
    var lines: [String] = []
    for byte in bytes {
      switch byte {
      case 0x0a: lines.append(take())
      case 0x0d: returned = true
      default:
        if returned {
          current.removeAll(keepingCapacity: true)
          dropped = 0
          returned = false
        }
        if current.count < limit { current.append(byte) } else { dropped += 1 }
      }
    }
    return lines
  }

  /// What is left at the end of the stream.
  mutating func finish() -> String? {
    current.isEmpty && dropped == 0 ? nil : take()
  }

  private mutating func take() -> String {
    defer {
      current.removeAll(keepingCapacity: true)
      dropped = 0
      returned = false
    }
    let text = PlainText.line(String(decoding: current, as: UTF8.self))
    return dropped == 0 ? text : text + " … (\(dropped) bytes more)"
  }
}
