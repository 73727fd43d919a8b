import Foundation
import Glibc
import RookeryModel

/// A file that holds a secret and that only its owner and group may read.
struct SecretFile {
  let path: String
  /// Who asked for it, for complaints.
  let value: YAMLValue

  /// Bytes, at most.
  private static let sizeLimit = 64 << 10

  /// `value` is the path; a relative one is resolved beside the configuration file.
  init(_ value: YAMLValue) throws {
    self.value = value
    path = Self.path(of: try value.line(), beside: value.document.name)
  }

  /// An absolute path; a relative one is resolved beside `file`.
  static func path(of text: String, beside file: String) -> String {
    text.hasPrefix("/") ? text : URL(fileURLWithPath: file).deletingLastPathComponent().appendingPathComponent(text).path
  }

  /// The file's text without the line break at its end.
  func text() throws -> String {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
    guard descriptor >= 0 else {
      throw value.failure(
        "names \(path), which can't be read: \(String(cString: strerror(errno))).",
        mend: "Make the file, readable for the user that “rookery serve” runs as.")
    }
    let handle = FileHandle(fileDescriptor: descriptor, closeOnDealloc: true)
    var status = stat()
    guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
      throw value.failure("names \(path), which is not a file.", mend: "Name a file that holds the secret.")
    }
    guard status.st_mode & 0o007 == 0 else {
      throw value.failure(
        "names \(path), which every user of this machine may open.", mend: "Run: chmod o= \(path)")
    }
    let data = try handle.read(upToCount: Self.sizeLimit + 1) ?? Data()
    guard data.count <= Self.sizeLimit, let text = String(data: data, encoding: .utf8) else {
      throw value.failure("names \(path), which is not a text of at most \(Self.sizeLimit >> 10) KiB.", mend: "Check the file.")
    }
    return text
  }

  /// The file's path, after it was read once.
  func checkedPath() throws -> String {
    _ = try text()
    return path
  }

  /// The file's one line.
  func secret() throws -> Secret {
    let line = try text().trimmingCharacters(in: .whitespacesAndNewlines)
    guard SecretText.isValid(line) else {
      throw value.failure("names \(path), which does not hold one line with a secret.", mend: "Put the secret, and nothing else, in it.")
    }
    return Secret(line)
  }
}

/// What may stand in an HTTP header.
enum SecretText {
  static func isValid(_ text: String) -> Bool {
    !text.isEmpty && text.utf8.count <= 4096 && text.utf8.allSatisfy { (0x21...0x7e).contains($0) }
  }
}
