import Foundation

/// Every failure that a person or a client may see.
///
/// `message` (the cause) and `mend` (what to do) are for people; `context` is for our log and is never encoded.
public struct RookeryError: Error, Sendable, Equatable, Codable, CustomStringConvertible {
  public var code: ErrorCode
  public var message: String
  public var mend: String
  public var context: String

  public init(_ code: ErrorCode, _ message: String, mend: String = "", context: String = "") {
    self.code = code
    self.message = message
    self.mend = mend
    self.context = context
  }

  enum CodingKeys: String, CodingKey { case code, message, mend }

  public init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: CodingKeys.self)
    code = try container.decode(ErrorCode.self, forKey: .code)
    message = try container.decode(String.self, forKey: .message)
    mend = try container.decodeIfPresent(String.self, forKey: .mend) ?? ""
    context = ""
  }

  /// The cause, then the mend, as one text for a terminal or a log.
  public var description: String { mend.isEmpty ? message : "\(message) \(mend)" }
}

/// Stable codes, part of the API. A client that meets an unknown one treats it as `internal`.
public enum ErrorCode: String, Sendable, Codable, CaseIterable {
  // The request
  case badRequest = "bad_request"
  case unauthenticated
  case forbidden
  case notFound = "not_found"
  case conflict
  case tooLarge = "too_large"
  case rateLimited = "rate_limited"
  // What it asked for
  case repositoryUnknown = "repository_unknown"
  case repositoryUnreachable = "repository_unreachable"
  case repositoryEmpty = "repository_empty"
  case imageMissing = "image_missing"
  case setupFailed = "setup_failed"
  /// An image or a snapshot would have held a credential.
  case credentialFound = "credential_found"
  case environmentInvalid = "environment_invalid"
  case configurationInvalid = "configuration_invalid"
  case agentUnknown = "agent_unknown"
  case agentNotInstalled = "agent_not_installed"
  case modelMissing = "model_missing"
  // What happened
  case agentFailed = "agent_failed"
  case agentProtocol = "agent_protocol"
  case sandboxFailed = "sandbox_failed"
  case sandboxLost = "sandbox_lost"
  case limitHit = "limit_hit"
  case pushRejected = "push_rejected"
  case pullRequestFailed = "pull_request_failed"
  case interrupted
  case diskFull = "disk_full"
  case unavailable
  case hostUnsupported = "host_unsupported"
  case `internal`

  public init(from decoder: any Decoder) throws {
    self = ErrorCode(rawValue: try decoder.singleValueContainer().decode(String.self)) ?? .internal
  }

  /// The HTTP status under which this failure is reported.
  public var httpStatus: Int {
    switch self {
    case .badRequest, .environmentInvalid, .configurationInvalid: 400
    case .unauthenticated: 401
    case .forbidden: 403
    case .notFound, .repositoryUnknown: 404
    case .conflict, .imageMissing, .agentNotInstalled, .agentUnknown, .modelMissing: 409
    case .tooLarge: 413
    case .rateLimited: 429
    case .repositoryUnreachable, .repositoryEmpty, .setupFailed, .credentialFound: 422
    case .diskFull: 507
    case .unavailable, .hostUnsupported, .sandboxLost: 503
    case .agentFailed, .agentProtocol, .sandboxFailed, .limitHit, .pushRejected, .pullRequestFailed, .interrupted,
      .internal:
      500
    }
  }
}
