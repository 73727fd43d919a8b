import Glibc
import RookeryModel
import Synchronization

/// A sandbox's listeners on their way from the control socket to the task that serves them, and the means to end that.
final class Adoption: Sendable {
  let sandbox: SandboxID
  /// By what they are for, until somebody takes them over.
  private let descriptors: Mutex<[SandboxSocket: Int32]>
  private let released = ChangeSignal()
  private let ended = ChangeSignal()

  init(sandbox: SandboxID, descriptors: [SandboxSocket: Int32]) {
    self.sandbox = sandbox
    self.descriptors = Mutex(descriptors)
  }

  /// The listeners, which the caller owns from now on; none the second time.
  func takeDescriptors() -> [SandboxSocket: Int32] {
    descriptors.withLock { descriptors in
      defer { descriptors = [:] }
      return descriptors
    }
  }

  deinit { takeDescriptors().values.forEach { close($0) } }

  /// Ends the serving; returns once its listeners and connections are closed.
  func release() async {
    released.notify()
    await ended.wait(past: 0)
  }

  /// Returns when it was released, or the task is cancelled.
  func untilReleased() async { await released.wait(past: 0) }

  /// Everything is closed.
  func end() { ended.notify() }
}
