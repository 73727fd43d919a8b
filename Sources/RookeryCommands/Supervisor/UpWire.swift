import RookeryModel

/// Requests to a running `rookery up`, from root alone.
package enum UpRequest: Sendable, Codable, Equatable {
  case status
  /// Ends every sandbox, keeping sessions' files, then all processes; the answer comes before the supervisor itself ends.
  case down
}

package enum UpResponse: Sendable, Codable, Equatable {
  case status(UpStatus)
  /// `failures`: sandboxes that could not be ended, in words.
  case down(failures: [String])
}

/// How a supervisor is.
package struct UpStatus: Sendable, Codable, Equatable {
  package struct Process: Sendable, Codable, Equatable {
    package var role: ProcessRole
    package var pid: Int32?
    package var isReady: Bool
    /// Deaths since it last ran steadily.
    package var deaths: Int
  }
  package var version: String
  package var pid: Int32
  package var isReady: Bool
  /// Where people reach the server.
  package var address: String
  package var processes: [Process]
}
