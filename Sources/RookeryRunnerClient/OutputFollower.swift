import RookeryModel
import RookeryRunner

/// What one consumer has still to be given of a process's output. It holds at most `window` bytes and one chunk: when more comes
/// (another client's acknowledgements moved the runner's window), it lets go and attaches again once the consumer caught up.
struct OutputFollower: Sendable {
  enum Received: Equatable {
    case stored
    /// Too much waits: the runner is to stop, and the chunk was not taken.
    case overrun
    /// Not what follows.
    case violation
  }

  let process: String
  let window: Int
  /// What the runner sends next.
  private(set) var reached: OutputOffsets
  private var events: [ProcessEvent] = []
  private var head = 0
  private(set) var waitingBytes = 0
  private(set) var isComplete = false

  init(process: String, from offsets: OutputOffsets, window: Int) {
    self.process = process
    self.window = window
    reached = offsets
  }

  mutating func receive(_ stream: OutputStream, offset: UInt64, bytes: [UInt8]) -> Received {
    guard !isComplete, offset == reached[stream], !bytes.isEmpty, offset <= UInt64.max - UInt64(bytes.count) else { return .violation }
    guard waitingBytes == 0 || waitingBytes + bytes.count <= window else { return .overrun }
    reached[stream] += UInt64(bytes.count)
    waitingBytes += bytes.count
    events.append(.output(stream == .stdout ? .stdout : .stderr, offset: offset, bytes: bytes))
    return .stored
  }

  mutating func receive(_ status: ExitStatus) -> Received {
    guard !isComplete else { return .violation }
    isComplete = true
    events.append(.exited(ProcessExit(status)))
    return .stored
  }

  mutating func next() -> ProcessEvent? {
    guard head < events.count else { return nil }
    let event = events[head]
    head += 1
    if head == events.count || head >= 256 {
      events.removeFirst(head)
      head = 0
    }
    if case .output(_, _, let bytes) = event { waitingBytes -= bytes.count }
    return event
  }
}
