import Foundation
import RookeryModel

/// A person's own access to GitHub, as the App got it for them. Encrypted wherever it is kept.
package struct UserAccess: Sendable, Codable, Equatable {
  package var token: Secret
  /// Absent where the App's user tokens do not expire.
  package var refresh: Secret?
  package var expires: Date?
  package var refreshExpires: Date?

  package init(token: Secret, refresh: Secret? = nil, expires: Date? = nil, refreshExpires: Date? = nil) {
    self.token = token
    self.refresh = refresh
    self.expires = expires
    self.refreshExpires = refreshExpires
  }
}

/// A device's request to be signed in: the person types `userCode` at `address`.
package struct DeviceRequest: Sendable, Equatable {
  package var deviceCode: Secret
  package var userCode: String
  package var address: String
  package var expires: Date
  /// Seconds between two questions.
  package var interval: Int
}

/// What became of a device's request so far.
package enum DeviceAnswer: Sendable, Equatable {
  /// Ask again, but not sooner than after so many seconds.
  case pending(interval: Int)
  case granted(UserAccess)
}
