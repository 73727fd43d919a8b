import Foundation
import NIOCore
import RookeryModel

/// A change to the live page, made by the server so that rendering and escaping stay in one place.
struct Fragment: Sendable, Codable, Equatable {
  enum Mode: String, Sendable, Codable {
    /// Adds `html` inside the target, at its end.
    case append
    /// Puts `html` in the target's place.
    case replace
    /// Keeps the target's first `keep` children and adds `html` after them.
    case tail
    /// Takes the target away.
    case remove
  }

  /// The id of an element.
  var target: String
  var mode: Mode
  var keep: Int?
  var html: String

  init(_ mode: Mode, _ target: String, _ html: HTML = .empty, keep: Int? = nil) {
    self.target = target
    self.mode = mode
    self.keep = keep
    self.html = html.text
  }
}

/// One message of the page's stream.
struct FragmentMessage: Sendable, Codable, Equatable {
  /// Where to come back after a break: `after` and `from` of the next request.
  var after: Int64
  var from: Int64
  var generation: Int
  var fragments: [Fragment]

  /// As a Server-Sent Event; JSON has no raw line ends.
  func frame() throws -> ByteBuffer {
    var buffer = ByteBuffer()
    buffer.writeString("id: \(after)-\(from)\ndata: ")
    buffer.writeBytes(try JSON.encode(self))
    buffer.writeString("\n\n")
    return buffer
  }
}
