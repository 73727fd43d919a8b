/// What `/proc/PID/stat` and `/proc/PID/limits` say about whom a process belongs to.
package struct ProcessStatus: Sendable, Equatable {
  package var state: UInt8
  package var session: Int32

  package var isDead: Bool { state == UInt8(ascii: "Z") || state == UInt8(ascii: "X") }

  /// Nil when the text is not that of `/proc/PID/stat`. The name in it may hold anything, so fields count from its last parenthesis.
  package init?(stat text: [UInt8]) {
    guard let end = text.lastIndex(of: UInt8(ascii: ")")) else { return nil }
    let fields = text[(end + 1)...].split(separator: UInt8(ascii: " "))
    guard fields.count > 3, let state = fields[0].first, fields[0].count == 1 else { return nil }
    guard let session = Int32(String(decoding: fields[3], as: UTF8.self)) else { return nil }
    self.state = state
    self.session = session
  }

  /// The mark that `cs_spawn` left, from the text of `/proc/PID/limits`; nil when there is none.
  package static func mark(limits text: [UInt8]) -> UInt64? {
    let name = Array("Max file locks".utf8)
    for line in text.split(separator: UInt8(ascii: "\n")) where line.starts(with: name) {
      let columns = line.dropFirst(name.count).split(separator: UInt8(ascii: " "))
      guard columns.count >= 2 else { return nil }
      // The hard limit: a process may lower the soft one and raise it again.
      return UInt64(String(decoding: columns[1], as: UTF8.self))
    }
    return nil
  }
}
