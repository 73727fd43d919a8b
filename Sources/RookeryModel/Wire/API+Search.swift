import Foundation

extension API {
  /// `GET /v1/search`
  public struct SearchResults: Sendable, Codable, Equatable {
    /// The best matches first.
    public var hits: [SearchHit]
    public init(hits: [SearchHit]) { self.hits = hits }
  }

  /// A place in a session's log where something was found.
  public struct SearchHit: Sendable, Codable, Equatable {
    public var session: SessionID
    /// The session's; nil where it is not known any more.
    public var title: String?
    /// Of the event that the found text begins with.
    public var seq: Int64
    public var turn: Int?
    public var kind: String
    public var time: Date
    /// A part of the text around what matched.
    public var text: [SearchText]

    public init(session: SessionID, title: String? = nil, seq: Int64, turn: Int?, kind: String, time: Date, text: [SearchText]) {
      self.session = session
      self.title = title
      self.seq = seq
      self.turn = turn
      self.kind = kind
      self.time = time
      self.text = text
    }
  }

  public struct SearchText: Sendable, Codable, Equatable {
    public var text: String
    public var match: Bool

    public init(text: String, match: Bool) {
      self.text = text
      self.match = match
    }
  }

  /// `POST /v1/sessions/{id}/redact`
  public struct Redact: Sendable, Codable, Equatable {
    /// What is to vanish: 4 to 16,384 bytes.
    public var text: String
    public init(text: String) { self.text = text }
  }

  /// What a redaction found.
  public struct Redaction: Sendable, Codable, Equatable {
    /// Of the event that tells of it.
    public var seq: Int64
    /// Places in the log where the text stood.
    public var places: Int
    /// Snapshots that were removed, since they may hold it.
    public var snapshots: [SnapshotID]
    /// Snapshots that may hold it and are still needed by something else.
    public var kept: [SnapshotID]

    public init(seq: Int64, places: Int, snapshots: [SnapshotID], kept: [SnapshotID]) {
      self.seq = seq
      self.places = places
      self.snapshots = snapshots
      self.kept = kept
    }
  }
}
