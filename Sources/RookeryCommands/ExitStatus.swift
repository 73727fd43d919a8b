import RookeryModel

/// What the program's exit code says; docs/operating.md and `rookery --help` list them.
package enum ExitStatus: Int32, Error, CaseIterable, Sendable {
  case success = 0
  /// What was asked for was done and failed: a turn, a build, a check.
  case failed = 1
  /// The command line or the configuration is wrong.
  case usage = 2
  /// The server is not there, or stopped answering.
  case unavailable = 3
  /// The server refused: not signed in, not allowed.
  case refused = 4
  /// Ctrl-C let go of work that goes on at the server.
  case detached = 130

  /// The code for a failure.
  package init(_ error: RookeryError) {
    switch error.code {
    case .badRequest, .configurationInvalid, .environmentInvalid, .repositoryUnknown, .agentUnknown, .notFound, .tooLarge: self = .usage
    case .unavailable: self = .unavailable
    case .unauthenticated, .forbidden, .rateLimited: self = .refused
    default: self = .failed
    }
  }

  /// One line for the help text.
  package var meaning: String {
    switch self {
    case .success: "success"
    case .failed: "the turn, build or check failed"
    case .usage: "wrong command line or configuration"
    case .unavailable: "the server can't be reached"
    case .refused: "the server refused: not signed in or not allowed"
    case .detached: "Ctrl-C: let go of work that goes on"
    }
  }

  package static var help: String {
    "EXIT CODES\n" + allCases.map { "  \($0.rawValue)\t\($0.meaning)" }.joined(separator: "\n")
  }
}
