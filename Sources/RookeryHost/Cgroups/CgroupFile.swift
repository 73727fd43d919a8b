import Glibc
import RookeryControl
import RookeryModel

/// Small reads and writes of the kernel's control files.
enum CgroupFile {
  static func makeDirectory(_ path: String) throws {
    guard mkdir(path, 0o755) == 0 || errno == EEXIST else { throw RookeryError.system("mkdir(\(path))", errno) }
  }

  static func write(_ text: String, to path: String) throws {
    let error = tryWrite(text, to: path)
    guard error == 0 else { throw RookeryError.system("write(\(path))", error) }
  }

  /// 0, or the errno.
  static func tryWrite(_ text: String, to path: String) -> Int32 {
    let file = open(path, O_WRONLY | O_CLOEXEC)
    guard file >= 0 else { return errno }
    defer { close(file) }
    return Glibc.write(file, text, text.utf8.count) == text.utf8.count ? 0 : errno
  }

  /// The file's text, the start of it where it is longer than `limit` bytes; nil when it can't be read.
  static func read(_ path: String, limit: Int = .max) -> String? {
    let file = open(path, O_RDONLY | O_CLOEXEC)
    guard file >= 0 else { return nil }
    defer { close(file) }
    var text: [UInt8] = []
    var part = [UInt8](repeating: 0, count: 4096)
    while true {
      let count = Glibc.read(file, &part, part.count)
      guard count >= 0 else { return nil }
      if count == 0 || text.count >= limit { return String(decoding: text, as: UTF8.self) }
      text.append(contentsOf: part.prefix(count))
    }
  }

  /// The number behind `key` in a file of `key value` lines; nil when absent.
  static func counter(_ key: String, in path: String) -> Int? {
    guard let text = read(path) else { return nil }
    for line in text.split(separator: "\n") {
      let words = line.split(separator: " ")
      if words.count == 2, words[0] == key { return Int(words[1]) }
    }
    return nil
  }
}
