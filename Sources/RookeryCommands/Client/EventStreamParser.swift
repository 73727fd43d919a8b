import RookeryModel

/// Takes a Server-Sent Events stream apart, whatever pieces it comes in.
package struct EventStreamParser: Sendable {
  /// One dispatched event of the stream.
  package struct Message: Sendable, Equatable {
    /// The stream's last id so far.
    package var id: String
    package var name: String
    package var data: String
  }

  /// Bytes of one message, at most.
  private let limit: Int
  private var line: [UInt8] = []
  private var data: [UInt8] = []
  private var hasData = false
  private var name = ""
  private var lastID = ""
  private var endedWithReturn = false
  private var isFirstLine = true

  package init(limit: Int = 4 << 20) { self.limit = limit }

  /// The messages that `bytes` complete. Throws `tooLarge` when one grows beyond the limit.
  package mutating func feed(_ bytes: some Sequence<UInt8>) throws -> [Message] {
    var messages: [Message] = []
    for byte in bytes {
      // A line ends with CR, LF or CR LF, which may come in two pieces.
      if byte == 0x0a, endedWithReturn {
        endedWithReturn = false
        continue
      }
      endedWithReturn = byte == 0x0d
      guard byte == 0x0a || byte == 0x0d else {
        line.append(byte)
        guard line.count + data.count <= limit else {
          throw RookeryError(.tooLarge, "The server sent an event of more than \(limit >> 20) MiB.")
        }
        continue
      }
      if let message = endLine() { messages.append(message) }
    }
    return messages
  }

  private mutating func endLine() -> Message? {
    defer { line.removeAll(keepingCapacity: true) }
    if isFirstLine {
      isFirstLine = false
      if line.starts(with: [0xef, 0xbb, 0xbf]) { line.removeFirst(3) }
    }
    guard !line.isEmpty else { return dispatch() }
    let colon = line.firstIndex(of: 0x3a) ?? line.endIndex
    // A line that begins with a colon is a comment: the keep-alive.
    guard colon != line.startIndex else { return nil }
    var value = line[min(colon + 1, line.endIndex)...]
    if value.first == 0x20 { value = value.dropFirst() }
    switch String(decoding: line[..<colon], as: UTF8.self) {
    case "data":
      if hasData { data.append(0x0a) }
      data.append(contentsOf: value)
      hasData = true
    case "event": name = String(decoding: value, as: UTF8.self)
    case "id" where !value.contains(0): lastID = String(decoding: value, as: UTF8.self)
    default: break
    }
    return nil
  }

  private mutating func dispatch() -> Message? {
    defer {
      data.removeAll(keepingCapacity: true)
      hasData = false
      name = ""
    }
    guard hasData else { return nil }
    return Message(id: lastID, name: name.isEmpty ? "message" : name, data: String(decoding: data, as: UTF8.self))
  }
}
