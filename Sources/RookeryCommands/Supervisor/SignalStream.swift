import Dispatch
import Glibc
import Synchronization

/// Signals as a stream, instead of their default action, as long as the value lives.
package final class SignalStream: Sendable {
  package let signals: AsyncStream<Int32>
  private let continuation: AsyncStream<Int32>.Continuation
  private let sources = Mutex<[any DispatchSourceSignal]>([])

  package init(_ numbers: Int32...) {
    (signals, continuation) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(8))
    for number in numbers {
      signal(number, SIG_IGN)
      sources.withLock { [continuation] sources in
        let source = DispatchSource.makeSignalSource(signal: number, queue: .global())
        source.setEventHandler { continuation.yield(number) }
        source.resume()
        sources.append(source)
      }
    }
  }

  deinit {
    sources.withLock { for source in $0 { source.cancel() } }
    continuation.finish()
  }
}
