import Dispatch

/// Runs an actor's work in order on a queue whose threads may block: its synchronous methods make blocking system calls, one after
/// the other, and nothing of Swift's cooperative pool waits for them.
final class BlockingExecutor: SerialExecutor {
  private let queue: DispatchQueue

  init(label: String) { queue = DispatchQueue(label: label) }

  func enqueue(_ job: consuming ExecutorJob) {
    let job = UnownedJob(job)
    queue.async { job.runSynchronously(on: self.asUnownedSerialExecutor()) }
  }
}
