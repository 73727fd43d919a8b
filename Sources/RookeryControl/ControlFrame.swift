import Foundation
import RookeryModel

/// The wire format: a 4-byte big-endian length, then that many bytes of JSON. An answer is `{"ok": …}` or `{"error": RookeryError}`.
enum ControlFrame {
  /// Bytes of JSON in one frame, at most.
  static let limit = 4 << 20
  static let headerLength = 4

  static func encode(_ body: Data) throws -> Data {
    guard body.count <= limit else {
      throw RookeryError(.tooLarge, "A message of \(body.count) bytes is over the limit of \(limit) between Rookery's processes.")
    }
    let length = UInt32(body.count)
    var frame = Data(capacity: headerLength + body.count)
    frame.append(contentsOf: [UInt8(length >> 24), UInt8(length >> 16 & 0xff), UInt8(length >> 8 & 0xff), UInt8(length & 0xff)])
    frame.append(body)
    return frame
  }

  /// The body's length that a header of 4 bytes announces. Throws `tooLarge` when it is over the limit.
  static func bodyLength(header: [UInt8]) throws -> Int {
    let length = header.reduce(0) { $0 << 8 | Int($1) }
    guard length <= limit else {
      throw RookeryError(.tooLarge, "A message of \(length) bytes is over the limit of \(limit) between Rookery's processes.")
    }
    return length
  }

  /// An answer that carries `result`, which is JSON already.
  static func success(_ result: Data) throws -> Data {
    try encode(Data(#"{"ok":"#.utf8) + result + Data("}".utf8))
  }

  static func failure(_ error: any Error) throws -> Data {
    try encode(JSON.encode(Failure(error: typed(error))))
  }

  private struct Failure: Encodable { var error: RookeryError }

  private static func typed(_ error: any Error) -> RookeryError {
    switch error {
    case let error as RookeryError: error
    case is DecodingError:
      RookeryError(
        .badRequest, "The request is not understood.", mend: "Run the same version of every Rookery process.",
        context: String(describing: error))
    case is CancellationError: RookeryError(.unavailable, "The service is stopping.", mend: "Try again in a moment.")
    default: RookeryError(.internal, "An internal error.", context: String(describing: error))
    }
  }
}

/// An answer as the client reads it.
struct ControlAnswer<Response: Decodable>: Decodable {
  var result: Result<Response, RookeryError>

  private enum CodingKeys: String, CodingKey { case ok, error }

  init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: CodingKeys.self)
    if container.contains(.error) {
      result = .failure(try container.decode(RookeryError.self, forKey: .error))
    } else {
      result = .success(try container.decode(Response.self, forKey: .ok))
    }
  }
}
