import Foundation
import NIOHTTP1
import RookeryModel

/// Failures in the error format of each wire, so that an agent shows their text.
enum ModelFailure {
  static func answer(_ error: RookeryError, wire: Grant.Model.Wire) -> BrokerAnswer {
    let status = status(error.code)
    let message = JSONValue.string(error.description)
    let kind = JSONValue.string(kind(error.code, wire: wire))
    let body: JSONValue =
      switch wire {
      case .openai: ["error": ["message": message, "type": kind, "param": nil, "code": .string(error.code.rawValue)]]
      case .anthropic: ["type": "error", "error": ["type": kind, "message": message]]
      }
    let bytes = (try? JSON.encode(body)).map { Array($0) } ?? []
    // Clients of both vendors read this header: repeating won't help until a person has done something.
    return BrokerAnswer(
      status: status, type: "application/json", body: bytes,
      headers: error.code == .unavailable ? [:] : ["x-should-retry": "false"])
  }

  private static func status(_ code: ErrorCode) -> HTTPResponseStatus {
    switch code {
    case .limitHit, .rateLimited: .tooManyRequests
    case .unavailable: .serviceUnavailable
    case .internal: .badGateway
    default: HTTPResponseStatus(statusCode: code.httpStatus)
    }
  }

  private static func kind(_ code: ErrorCode, wire: Grant.Model.Wire) -> String {
    switch (code, wire) {
    case (.limitHit, .openai): "insufficient_quota"
    case (.limitHit, .anthropic), (.rateLimited, .anthropic): "rate_limit_error"
    case (.rateLimited, .openai): "rate_limit_exceeded"
    case (.forbidden, _): "permission_error"
    case (.notFound, .anthropic): "not_found_error"
    case (.tooLarge, .anthropic): "request_too_large"
    case (.unavailable, .openai), (.internal, .openai): "server_error"
    case (.unavailable, .anthropic): "overloaded_error"
    case (.internal, .anthropic): "api_error"
    default: "invalid_request_error"
    }
  }
}
