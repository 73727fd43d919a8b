import Foundation
import NIOCore
import RookerySessions

/// The API's stream: each event as its commit encoded it, under its `seq`.
struct EventLogEncoder: EventStreamEncoder {
  let generation: Int

  func opening() -> ByteBuffer { ByteBuffer(string: ": generation \(generation)\n\n") }

  func frames(for events: [EncodedEvent]) -> ByteBuffer? {
    var buffer = ByteBuffer()
    buffer.reserveCapacity(events.reduce(0) { $0 + $1.json.count + 40 })
    for event in events {
      buffer.writeString("id: \(event.seq)\ndata: ")
      buffer.writeBytes(event.json)
      buffer.writeString("\n\n")
    }
    return buffer
  }

  /// A named event, so that a client which knows no signals hears none; no id, since there is nothing to come back to.
  func frames(for signals: [SessionSignal]) -> ByteBuffer? {
    var buffer = ByteBuffer()
    for signal in signals {
      buffer.writeString("event: signal\ndata: ")
      buffer.writeBytes(signal.json)
      buffer.writeString("\n\n")
    }
    return buffer
  }
}
