import Foundation
import RookeryModel

/// Something about a session that matters now and not later: who types, who watches. It has no `seq`, is stored nowhere, and reaches
/// whoever listens at the moment; one who is behind may miss it.
package struct SessionSignal: Sendable, Equatable {
  /// Such as `typing`.
  package var kind: String
  /// The whole message as it goes over the wire, encoded once: `{"payload":…,"signal":"typing"}`.
  package var json: Data

  /// Bytes of a signal's message, at most: signals are small, or they are events.
  package static let maximumSize = 16 << 10

  /// Throws `tooLarge` beyond `maximumSize`.
  package init(_ kind: String, _ payload: some Encodable) throws {
    self.kind = kind
    json = try JSON.encode(Message(signal: kind, payload: payload))
    guard json.count <= Self.maximumSize else {
      throw RookeryError(.tooLarge, "A signal has at most \(Self.maximumSize >> 10) KiB.", mend: "Make it an event.")
    }
  }

  private struct Message<Payload: Encodable>: Encodable {
    var signal: String
    var payload: Payload
  }
}
