import CSandbox
import Glibc

/// An errno.
package struct SystemFailure: Error, Equatable {
  package let error: Int32
  package init(_ error: Int32) { self.error = error }
}

/// The journal of one output stream: the byte at an offset of the stream lies at the same offset of the file.
final class JournalFile {
  private let directory: Int32
  private let name: String
  private var descriptor: Int32 = -1
  private(set) var ledger: StreamLedger

  init(directory: Int32, name: String, ledger: StreamLedger = StreamLedger()) {
    self.directory = directory
    self.name = name
    self.ledger = ledger
  }

  /// Writes at the end; returns how many bytes the disk took, which may be fewer. The file is made with its first byte.
  func append(_ bytes: UnsafeRawBufferPointer) throws(SystemFailure) -> Int {
    let file = try open()
    var written = 0
    while written < bytes.count {
      let count = pwrite(file, bytes.baseAddress?.advanced(by: written), bytes.count - written, off_t(ledger.end))
      if count > 0 {
        written += count
        ledger.appended(UInt64(count))
      } else if errno != EINTR {
        guard written == 0 else { return written }
        throw SystemFailure(count == 0 ? ENOSPC : errno)
      }
    }
    return written
  }

  /// Reads at most the buffer's size from `offset` on; 0 at the end.
  func read(at offset: UInt64, into buffer: UnsafeMutableRawBufferPointer) throws(SystemFailure) -> Int {
    let wanted = Int(min(UInt64(buffer.count), ledger.end > offset ? ledger.end - offset : 0))
    guard wanted > 0 else { return 0 }
    let file = try open()
    while true {
      let count = pread(file, buffer.baseAddress, wanted, off_t(offset))
      if count > 0 { return count }
      guard count < 0, errno == EINTR else { throw SystemFailure(count == 0 ? EIO : errno) }
    }
  }

  func acknowledge(_ offset: UInt64) { ledger.acknowledge(offset) }

  /// Frees what was acknowledged. A filesystem that can't punch holes keeps it; a full disk then shows itself when writing.
  func free(all: Bool) {
    guard let range = ledger.takeFreeable(all: all), let file = try? open() else { return }
    _ = cs_punch(file, range.lowerBound, range.upperBound - range.lowerBound)
  }

  func close() {
    guard descriptor >= 0 else { return }
    _ = Glibc.close(descriptor)
    descriptor = -1
  }

  deinit { close() }

  private func open() throws(SystemFailure) -> Int32 {
    if descriptor < 0 {
      let opened = openat(directory, name, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0o600)
      guard opened >= 0 else { throw SystemFailure(errno) }
      descriptor = opened
    }
    return descriptor
  }
}
