import Foundation
import RookeryConfiguration
import RookeryModel

/// What one repository's pool is to be.
package struct PoolSettings: Sendable, Equatable {
  /// How many are kept for a repository that is in use; 0: none, ever.
  package var size: Int
  /// Seconds after which a warm sandbox is replaced by a new one.
  package var maximumAge: TimeInterval

  package init(size: Int, maximumAge: TimeInterval) {
    self.size = size
    self.maximumAge = maximumAge
  }
}

/// What a warm sandbox was prepared from: it may be claimed only while all of it is still what a new one would be prepared from.
package struct PoolValidity: Sendable, Codable, Hashable {
  package var image: ImageID
  package var environmentDigest: String
  /// Covers the agent that waits in it: its definition, its bundle, and what it is started with.
  package var agentDigest: String

  package init(image: ImageID, environmentDigest: String, agentDigest: String) {
    self.image = image
    self.environmentDigest = environmentDigest
    self.agentDigest = agentDigest
  }
}

/// How often something happened lately: each occurrence counts as one and fades away.
package struct DecayedCount: Sendable, Equatable {
  private var value = 0.0
  private var at = Date.distantPast
  /// Seconds until an occurrence counts 1/e.
  private let lifetime: TimeInterval

  package init(lifetime: TimeInterval) { self.lifetime = lifetime }

  package func value(at now: Date) -> Double {
    value * exp(-max(0, now.timeIntervalSince(at)) / lifetime)
  }

  package mutating func add(at now: Date) {
    value = value(at: now) + 1
    at = max(at, now)
  }
}
