import Dispatch
import Glibc

/// Signals as a stream, instead of their default action, as long as the value lives.
package final class SignalStream: Sendable {
  package let signals: AsyncStream<Int32>
  private let continuation: AsyncStream<Int32>.Continuation
  private let sources: [any DispatchSourceSignal]

  package init(_ numbers: Int32...) {
    (signals, continuation) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(8))
    sources = numbers.map { [continuation] number in
      signal(number, SIG_IGN)
      let source = DispatchSource.makeSignalSource(signal: number, queue: .global())
      source.setEventHandler { continuation.yield(number) }
      source.resume()
      return source
    }
  }

  deinit {
    for source in sources { source.cancel() }
    continuation.finish()
  }
}
