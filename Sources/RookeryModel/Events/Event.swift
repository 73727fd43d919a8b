import Foundation

/// A durable fact in a session's log.
public struct Event: Sendable, Codable, Equatable {
  /// Dense from 1 within the session; assigned in the commit. Nothing is ordered by time.
  public var seq: Int64
  public var time: Date
  /// The turn it belongs to, dense from 1.
  public var turn: Int?
  public var payload: EventPayload

  public init(seq: Int64, time: Date, turn: Int?, payload: EventPayload) {
    self.seq = seq
    self.time = time
    self.turn = turn
    self.payload = payload
  }

  enum CodingKeys: String, CodingKey { case seq, time, turn, kind, payload }

  public init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: CodingKeys.self)
    seq = try container.decode(Int64.self, forKey: .seq)
    time = try container.decode(Date.self, forKey: .time)
    turn = try container.decodeIfPresent(Int.self, forKey: .turn)
    payload = try EventPayload(
      kind: container.decode(String.self, forKey: .kind), from: container.superDecoder(forKey: .payload))
  }

  public func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: CodingKeys.self)
    try container.encode(seq, forKey: .seq)
    try container.encode(time, forKey: .time)
    try container.encodeIfPresent(turn, forKey: .turn)
    try container.encode(payload.kind, forKey: .kind)
    try payload.encodeBody(to: container.superEncoder(forKey: .payload))
  }
}
