import NIOCore
import NIOHTTP1
import RookeryModel

/// Reads the body of a request within a bound, decompressed where that is asked for.
struct BodyReader {
  private let body: BodyRelay
  private let limit: Int
  private var inflater: GzipInflater?
  private var count = 0

  /// The length of what it will return, where the request announced it.
  let length: Int64?

  /// - Parameters:
  ///   - limit: Bytes, after decompression where that happens.
  ///   - decompress: Whether to undo a `Content-Encoding: gzip`; otherwise bytes are returned as they come.
  /// - Throws: `tooLarge` when the announced length is over the limit; `badRequest` for an encoding that cannot be undone.
  init(_ request: BrokerRequest, limit: Int, decompress: Bool) throws {
    body = request.body
    self.limit = limit
    let codings = request.headers["content-encoding"].map { $0.lowercased() }.filter { $0 != "identity" }
    if decompress && !codings.isEmpty {
      guard codings == ["gzip"] || codings == ["x-gzip"] else {
        throw RookeryError(.badRequest, "The body's encoding “\(codings.joined(separator: ", ").prefix(40))” is not understood.")
      }
      inflater = try GzipInflater()
      length = nil
    } else {
      length = request.contentLength
      if let length, length > limit { throw Self.tooLarge(limit) }
    }
  }

  /// The next bytes; nil at the end.
  /// - Throws: `tooLarge`, or `badRequest` for a corrupt compression.
  mutating func next() async throws -> ByteBuffer? {
    while true {
      if let inflater, let bytes = try inflater.next() { return try counted(ByteBuffer(bytes: bytes)) }
      guard let bytes = try await body.next() else {
        try inflater?.finish()
        return nil
      }
      guard let inflater else { return try counted(bytes) }
      inflater.feed(bytes.bytes)
    }
  }

  private mutating func counted(_ bytes: ByteBuffer) throws -> ByteBuffer {
    count += bytes.readableBytes
    guard count <= limit else { throw Self.tooLarge(limit) }
    return bytes
  }

  private static func tooLarge(_ limit: Int) -> RookeryError {
    RookeryError(.tooLarge, "The request is larger than the \(limit >> 20) MiB that are allowed.")
  }

  /// Reads to the end and passes everything to `send`, which runs beside it and takes it from the relay that it is given.
  ///
  /// When `send` ends early the rest is read and dropped: its sender reads the answer only after it has sent everything.
  mutating func stream(startingWith start: ByteBuffer = ByteBuffer(), to send: @escaping @Sendable (BodyRelay) async throws -> Void)
    async throws
  {
    let relay = BodyRelay()
    try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask {
        defer { relay.abandon() }
        try await send(relay)
      }
      do {
        var isWanted = true
        var part: ByteBuffer? = start
        while let bytes = part {
          if isWanted { do { try await relay.send(bytes) } catch is BodyRelay.Abandoned { isWanted = false } }
          part = try await next()
        }
        relay.finish()
      } catch {
        relay.fail(error)
        // What `send` throws then is only what follows from this.
        group.cancelAll()
        try? await group.next()
        throw error
      }
      try await group.next()
    }
  }
}

extension ByteBuffer {
  /// What is readable, copied at once.
  var bytes: [UInt8] { getBytes(at: readerIndex, length: readableBytes) ?? [] }
}
