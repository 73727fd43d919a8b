/// What the runner says: an answer, under the number of its request; or an event, under the number of its attachment (0: about the runner).
package enum RunnerReply: Sendable, Equatable {
  // Answers
  case hello(version: UInt16, sandbox: String)
  case done
  case written(upTo: UInt64)
  /// A part of the list; the last one says that no more come.
  case processes([ProcessEntry], more: Bool)
  case failed(RunnerFailure)
  // Events
  case output(OutputStream, offset: UInt64, bytes: [UInt8])
  /// All output was sent and the process is gone; the last event of an attachment.
  case exited(ExitStatus)
  /// Whether processes wait because the journal has no room: `used` of `limit` bytes.
  case journal(full: Bool, used: UInt64, limit: UInt64)

  package struct ProcessEntry: Sendable, Equatable {
    package var process: String
    /// Nil while it runs.
    package var exit: ExitStatus?
    package init(process: String, exit: ExitStatus?) {
      self.process = process
      self.exit = exit
    }
  }

  static let outputKind: UInt8 = 80

  private var kind: UInt8 {
    switch self {
    case .hello: 64
    case .done: 65
    case .written: 66
    case .processes: 67
    case .failed: 68
    case .output: Self.outputKind
    case .exited: 81
    case .journal: 82
    }
  }

  /// The whole frame, its length included.
  package func frame(number: UInt32) -> [UInt8] {
    var writer = ByteWriter()
    writer.number(kind)
    writer.number(number)
    switch self {
    case .hello(let version, let sandbox):
      writer.number(version)
      writer.text(sandbox)
    case .done: break
    case .written(let offset): writer.number(offset)
    case .processes(let entries, let more):
      writer.number(UInt8(more ? 1 : 0))
      writer.number(UInt32(truncatingIfNeeded: entries.count))
      for entry in entries {
        writer.text(entry.process)
        Self.write(entry.exit, to: &writer)
      }
    case .failed(let failure): failure.encode(to: &writer)
    case .output(let stream, let offset, let bytes):
      writer.number(stream.rawValue)
      writer.number(offset)
      writer.string(bytes)
    case .exited(let status): Self.write(status, to: &writer)
    case .journal(let full, let used, let limit):
      writer.number(UInt8(full ? 1 : 0))
      writer.number(used)
      writer.number(limit)
    }
    var frame = ByteWriter()
    frame.string(writer.bytes)
    return frame.bytes
  }

  /// Decodes a frame without its length.
  package static func decode(_ frame: ArraySlice<UInt8>) throws(FrameError) -> (number: UInt32, reply: RunnerReply) {
    var reader = ByteReader(frame)
    let kind = try reader.number(UInt8.self)
    let number = try reader.number(UInt32.self)
    let reply = try body(kind: kind, &reader)
    try reader.finish()
    return (number, reply)
  }

  private static func body(kind: UInt8, _ reader: inout ByteReader) throws(FrameError) -> RunnerReply {
    switch kind {
    case 64: return .hello(version: try reader.number(), sandbox: try reader.text(limit: 64))
    case 65: return .done
    case 66: return .written(upTo: try reader.number())
    case 67: return try processes(&reader)
    case 68: return .failed(try RunnerFailure(from: &reader))
    case outputKind:
      guard let stream = OutputStream(rawValue: try reader.number()) else { throw .unknownValue }
      return .output(stream, offset: try reader.number(), bytes: try reader.string())
    case 81:
      guard let status = try exit(&reader) else { throw .unknownValue }
      return .exited(status)
    case 82:
      return .journal(full: try reader.number(UInt8.self) != 0, used: try reader.number(), limit: try reader.number())
    default: throw .unknownKind(kind)
    }
  }

  private static func processes(_ reader: inout ByteReader) throws(FrameError) -> RunnerReply {
    let more = try reader.number(UInt8.self) != 0
    let count = try reader.number(UInt32.self)
    var entries: [ProcessEntry] = []
    for _ in 0..<count {
      let process = try reader.text(limit: 64)
      entries.append(ProcessEntry(process: process, exit: try exit(&reader)))
    }
    return .processes(entries, more: more)
  }

  private static func write(_ status: ExitStatus?, to writer: inout ByteWriter) {
    switch status {
    case nil: writer.number(UInt8(0))
    case .code(let code):
      writer.number(UInt8(1))
      writer.number(code)
    case .signal(let signal):
      writer.number(UInt8(2))
      writer.number(signal)
    }
  }

  private static func exit(_ reader: inout ByteReader) throws(FrameError) -> ExitStatus? {
    switch try reader.number(UInt8.self) {
    case 0: nil
    case 1: .code(try reader.number())
    case 2: .signal(try reader.number())
    default: throw .unknownValue
    }
  }
}
