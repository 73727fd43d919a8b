import Synchronization

/// Cuts a program's output into lines and passes each on.
final class LineRelay: Sendable {
  private let splitter = Mutex(LineSplitter())
  private let line: @Sendable (String) -> Void

  init(_ line: @escaping @Sendable (String) -> Void) { self.line = line }

  func add(_ bytes: [UInt8]) {
    splitter.withLock { $0.add(bytes) }.forEach(line)
  }

  func finish() {
    if let rest = splitter.withLock({ $0.finish() }) { line(rest) }
  }
}
