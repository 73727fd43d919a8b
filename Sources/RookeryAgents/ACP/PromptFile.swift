import Foundation
import RookeryModel

/// A file that goes with a prompt.
package struct PromptFile: Sendable, Codable, Equatable {
  package var name: String
  package var mediaType: String
  /// Where the agent finds it in its sandbox.
  package var path: String
  /// Its size in bytes.
  package var bytes: Int
  /// Its content, where that may go into the message itself.
  package var content: Data?

  package init(name: String, mediaType: String, path: String, bytes: Int, content: Data?) {
    self.name = name
    self.mediaType = mediaType
    self.path = path
    self.bytes = bytes
    self.content = content
  }

  /// Bytes of a file that may go into a message.
  package static let embeddedLimit = 5 << 20
  private static let textLimit = 256 << 10

  /// Kinds of images that models take.
  private var isImage: Bool { ["image/png", "image/jpeg", "image/gif", "image/webp"].contains(mediaType) }

  /// The file as a block of the message; nil where the agent takes no such block.
  func block(images: Bool, resources: Bool) -> JSONValue? {
    guard let content, content.count <= Self.embeddedLimit else { return nil }
    let uri = JSONValue.string("file://" + (path.addingPercentEncoding(withAllowedCharacters: .urlPathAllowed) ?? path))
    if isImage, images {
      return ["type": "image", "mimeType": .string(mediaType), "data": .string(content.base64EncodedString()), "uri": uri]
    }
    guard resources else { return nil }
    if content.count <= Self.textLimit, let text = String(data: content, encoding: .utf8), !text.utf8.contains(0) {
      return ["type": "resource", "resource": ["uri": uri, "mimeType": .string(mediaType), "text": .string(text)]]
    }
    return ["type": "resource", "resource": ["uri": uri, "mimeType": .string(mediaType), "blob": .string(content.base64EncodedString())]]
  }
}

extension ACPClient {
  /// A prompt as content blocks: its text, which names the files, and the files that the agent takes as blocks.
  func content(_ text: String, files: [PromptFile]) -> JSONValue {
    guard !files.isEmpty else { return [["type": "text", "text": .string(text)]] }
    let list = files.map { "- \($0.path) (\($0.mediaType), \($0.bytes) bytes)" }.joined(separator: "\n")
    let blocks = files.compactMap { $0.block(images: state.takesImages == true, resources: state.takesResources == true) }
    return .array([["type": "text", "text": .string("\(text)\n\nAttached files:\n\(list)")]] + blocks)
  }
}
