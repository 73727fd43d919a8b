import CSandbox
import Glibc

/// One client: its socket, what it sent that is no whole frame yet, what it is still to be sent, and which output it follows.
final class ClientConnection {
  /// No more requests are read while this much waits to be sent: a client that doesn't read is not answered without end.
  private static let crowded = 1 << 18
  /// No more output is queued while this much waits.
  private static let enoughQueued = 1 << 17
  static let largestAttachments = 1024

  struct Attachment {
    var number: UInt32
    var process: String
    var window: OutputWindow
    /// The stream whose turn it is, so that neither starves the other.
    var preferred = OutputStream.stdout
  }

  enum Service { case sent, idle, finished }

  let token: UInt64
  private(set) var descriptor: Int32
  private var received = FrameBuffer()
  private var queue: [UInt8] = []
  private var written = 0
  private var watched = Poller.Interest.read
  var attachments: [Attachment] = []
  /// The attachment that is served first next time.
  private var turn = 0
  /// Said hello, in a version that we speak.
  var isGreeted = false
  /// To be closed once everything queued is sent.
  var isEnding = false
  private(set) var isBroken = false

  init(descriptor: Int32, token: UInt64) {
    self.descriptor = descriptor
    self.token = token
  }

  var queued: Int { queue.count - written }
  var readsRequests: Bool { queued < Self.crowded && !isEnding }
  var interest: Poller.Interest {
    switch (readsRequests, queued > 0) {
    case (true, true): .both
    case (true, false): .read
    case (false, true): .write
    case (false, false): .none
    }
  }

  /// Tells the poller what this connection waits for, when that changed.
  func watch(with poller: Poller) {
    guard descriptor >= 0, interest != watched else { return }
    watched = interest
    poller.change(descriptor, token: token, interest)
  }

  func send(_ reply: RunnerReply, number: UInt32) { queue.append(contentsOf: reply.frame(number: number)) }

  /// Takes what the client sent; false when it is gone.
  func receive(_ buffer: UnsafeMutableRawBufferPointer) -> Bool {
    let count = read(descriptor, buffer.baseAddress, buffer.count)
    if count > 0 {
      received.append(UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer(buffer)[..<count]))
      return true
    }
    return count < 0 && (errno == EAGAIN || errno == EINTR)
  }

  func nextRequest() throws(FrameError) -> (number: UInt32, request: RunnerRequest)? {
    guard readsRequests, let frame = try received.next() else { return nil }
    return try RunnerRequest.decode(frame)
  }

  /// Writes what is queued, as far as the socket takes it.
  func flush() {
    while queued > 0 {
      let count = queue.withUnsafeBytes { bytes in
        CSandbox.cs_send(descriptor, bytes.baseAddress?.advanced(by: written), bytes.count - written, nil, 0)
      }
      if count > 0 {
        written += count
      } else if count != -Int(EINTR) {
        if count != -Int(EAGAIN) { isBroken = true }
        break
      }
    }
    if queued == 0 {
      queue.removeAll(keepingCapacity: queue.capacity <= 1 << 19)
      written = 0
    }
  }

  /// Queues output of attached processes while there is room, each in its turn. `serve` queues one chunk and says whether it did.
  func pull(_ serve: (Attachment) -> (Service, Attachment)) {
    var idle = 0
    while queued < Self.enoughQueued, idle < attachments.count {
      turn = (turn + 1) % attachments.count
      let (service, attachment) = serve(attachments[turn])
      switch service {
      case .sent:
        attachments[turn] = attachment
        idle = 0
      case .idle: idle += 1
      case .finished: attachments.remove(at: turn)
      }
    }
  }

  /// Queues a chunk of output, read from a journal straight into the frame.
  func sendOutput(
    _ attachment: UInt32, _ stream: OutputStream, offset: UInt64, count: Int,
    fill: (UnsafeMutableRawBufferPointer) throws(SystemFailure) -> Int
  ) throws(SystemFailure) -> Int {
    let bytes = try readChunk(count, fill)
    var header = ByteWriter()
    header.number(UInt32(1 + 4 + 1 + 8 + 4 + bytes.count))
    header.number(RunnerReply.outputKind)
    header.number(attachment)
    header.number(stream.rawValue)
    header.number(offset)
    header.number(UInt32(bytes.count))
    queue.append(contentsOf: header.bytes)
    queue.append(contentsOf: bytes)
    return bytes.count
  }

  private func readChunk(
    _ count: Int, _ fill: (UnsafeMutableRawBufferPointer) throws(SystemFailure) -> Int
  ) throws(SystemFailure) -> [UInt8] {
    var failure: SystemFailure?
    let bytes = [UInt8](unsafeUninitializedCapacity: count) { buffer, size in
      do throws(SystemFailure) { size = try fill(UnsafeMutableRawBufferPointer(buffer)) } catch { failure = error }
    }
    if let failure { throw failure }
    return bytes
  }

  func close() {
    guard descriptor >= 0 else { return }
    _ = Glibc.close(descriptor)
    descriptor = -1
  }

  deinit { close() }
}
