import Glibc
import RookeryModel

/// Which sandboxes are served.
actor Adoptions {
  private var current: [SandboxID: Adoption] = [:]
  private var isClosed = false
  private let starting: AsyncStream<Adoption>.Continuation
  /// Adoptions to serve, as they come; for one consumer.
  nonisolated let toServe: AsyncStream<Adoption>

  init() { (toServe, starting) = AsyncStream.makeStream() }

  var sandboxes: [SandboxID] { current.keys.sorted() }

  /// Serves on `descriptors`, one for each of `sockets`, in place of what the sandbox had. They are owned here from now on.
  /// - Throws: `badRequest` when they are not such sockets, or their number doesn't fit.
  func adopt(_ sandbox: SandboxID, _ sockets: [SandboxSocket], _ descriptors: [Int32]) async throws {
    do {
      guard !isClosed else { throw RookeryError(.unavailable, "The gateway is stopping.", mend: "Try again in a moment.") }
      guard descriptors.count == sockets.count, Set(sockets).count == sockets.count, !sockets.isEmpty else {
        throw RookeryError(.badRequest, "There must be one descriptor for each socket, and each socket once.")
      }
      for (kind, descriptor) in zip(sockets, descriptors) { try ListeningSocket.prepare(descriptor, as: kind) }
    } catch {
      descriptors.forEach { Glibc.close($0) }
      throw error
    }
    let adoption = Adoption(sandbox: sandbox, descriptors: Dictionary(zip(sockets, descriptors), uniquingKeysWith: { $1 }))
    let before = current.updateValue(adoption, forKey: sandbox)
    starting.yield(adoption)
    await before?.release()
  }

  /// Returns once nothing of the sandbox is served any more. Does nothing for one that isn't.
  func release(_ sandbox: SandboxID) async { await current.removeValue(forKey: sandbox)?.release() }

  /// Nothing is adopted any more, and nobody waits for what was. Called once nothing is served.
  func close() {
    isClosed = true
    starting.finish()
    current.values.forEach { $0.end() }
    current = [:]
  }
}
