import Foundation
import HTTPTypes
import Hummingbird
import NIOCore
import RookeryModel

extension Response {
  /// `value` in the product's JSON dialect.
  static func json(_ value: some Encodable, status: HTTPResponse.Status = .ok) throws -> Response {
    let data = try JSON.encode(value)
    return Response(
      status: status, headers: [.contentType: "application/json; charset=utf-8"],
      body: ResponseBody(byteBuffer: ByteBuffer(bytes: data)))
  }

  static func noContent() -> Response { Response(status: .noContent) }

  /// Sends a browser elsewhere on this server with GET.
  static func seeOther(_ path: String) -> Response { Response(status: .seeOther, headers: [.location: path]) }

  static func bytes(_ bytes: some Sequence<UInt8>, type: String, cache: String? = nil) -> Response {
    var headers: HTTPFields = [.contentType: type]
    if let cache { headers[.cacheControl] = cache }
    return Response(status: .ok, headers: headers, body: ResponseBody(byteBuffer: ByteBuffer(bytes: bytes)))
  }
}

extension RookeryRequestContext {
  /// A typed id or name from the path.
  func identifier<Kind>(_ name: String, as kind: Identifier<Kind>.Type) throws -> Identifier<Kind> {
    try Identifier<Kind>(parameters.get(name) ?? "")
  }
}
