import Dispatch

/// A serial executor on a dispatch queue: sessions run on a few shared lanes, so that their SQLite calls block neither the
/// cooperative pool nor each other's threads without bound.
final class Lane: SerialExecutor {
  private let queue: DispatchQueue

  init(label: String) { queue = DispatchQueue(label: label) }

  func enqueue(_ job: consuming ExecutorJob) {
    let unowned = UnownedJob(job)
    let executor = asUnownedSerialExecutor()
    queue.async { unowned.runSynchronously(on: executor) }
  }

  func asUnownedSerialExecutor() -> UnownedSerialExecutor { UnownedSerialExecutor(ordinary: self) }

  private static let lanes = (0..<4).map { Lane(label: "session-\($0)") }

  /// The lane of a session: always the same one within a process's life.
  static func of(_ hash: Int) -> Lane { lanes[Int(UInt(bitPattern: hash) % UInt(lanes.count))] }
}
