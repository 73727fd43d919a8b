/// What a client asks of the runner. Each travels under a number that the client chose; the answer carries the same.
package enum RunnerRequest: Sendable, Equatable {
  case hello(version: UInt16)
  case start(LaunchRequest)
  /// Output from these offsets on, at most `window` bytes beyond what is acknowledged. The frame's number names the attachment.
  case attach(process: String, from: OutputOffsets, window: UInt64)
  case detach(attachment: UInt32)
  case acknowledge(process: String, OutputOffsets)
  case write(process: String, offset: UInt64, bytes: [UInt8])
  case closeInput(process: String)
  case signal(process: String, Int32)
  case list

  private var kind: UInt8 {
    switch self {
    case .hello: 1
    case .start: 2
    case .attach: 3
    case .detach: 4
    case .acknowledge: 5
    case .write: 6
    case .closeInput: 7
    case .signal: 8
    case .list: 9
    }
  }

  /// The whole frame, its length included.
  package func frame(number: UInt32) -> [UInt8] {
    var writer = ByteWriter()
    writer.number(kind)
    writer.number(number)
    switch self {
    case .hello(let version): writer.number(version)
    case .start(let launch): launch.encode(to: &writer)
    case .attach(let process, let from, let window):
      writer.text(process)
      writer.number(from.stdout)
      writer.number(from.stderr)
      writer.number(window)
    case .detach(let attachment): writer.number(attachment)
    case .acknowledge(let process, let offsets):
      writer.text(process)
      writer.number(offsets.stdout)
      writer.number(offsets.stderr)
    case .write(let process, let offset, let bytes):
      writer.text(process)
      writer.number(offset)
      writer.string(bytes)
    case .closeInput(let process): writer.text(process)
    case .signal(let process, let signal):
      writer.text(process)
      writer.number(signal)
    case .list: break
    }
    var frame = ByteWriter()
    frame.string(writer.bytes)
    return frame.bytes
  }

  /// Decodes a frame without its length.
  package static func decode(_ frame: ArraySlice<UInt8>) throws(FrameError) -> (number: UInt32, request: RunnerRequest) {
    var reader = ByteReader(frame)
    let kind = try reader.number(UInt8.self)
    let number = try reader.number(UInt32.self)
    let request = try body(kind: kind, &reader)
    try reader.finish()
    return (number, request)
  }

  private static func body(kind: UInt8, _ reader: inout ByteReader) throws(FrameError) -> RunnerRequest {
    switch kind {
    case 1: .hello(version: try reader.number())
    case 2: .start(try LaunchRequest(from: &reader))
    case 3: .attach(process: try name(&reader), from: try offsets(&reader), window: try reader.number())
    case 4: .detach(attachment: try reader.number())
    case 5: .acknowledge(process: try name(&reader), try offsets(&reader))
    case 6: .write(process: try name(&reader), offset: try reader.number(), bytes: try reader.string())
    case 7: .closeInput(process: try name(&reader))
    case 8: .signal(process: try name(&reader), try reader.number())
    case 9: .list
    default: throw .unknownKind(kind)
    }
  }

  private static func name(_ reader: inout ByteReader) throws(FrameError) -> String {
    let text = try reader.text(limit: 64)
    guard ProcessName.isValid(text) else { throw .invalidText }
    return text
  }

  private static func offsets(_ reader: inout ByteReader) throws(FrameError) -> OutputOffsets {
    OutputOffsets(stdout: try reader.number(), stderr: try reader.number())
  }
}
