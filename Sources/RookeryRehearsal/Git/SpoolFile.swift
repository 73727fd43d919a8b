import Dispatch
import Glibc
import RookeryModel

/// A nameless temporary file: written once, then read by somebody else through its descriptor.
package final class SpoolFile: Sendable {
  package let descriptor: Int32
  private let queue = DispatchQueue(label: "rookery.spool")

  /// - Throws: `internal` when `directory` takes no files.
  package init(in directory: String = "/tmp") throws {
    let path = "\(directory)/rookery-spool-\(UInt64.random(in: .min ... .max))"
    descriptor = open(path, O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC, 0o600)
    guard descriptor >= 0 else { throw ChildProcess.failure("open of a temporary file in \(directory)", errno) }
    unlink(path)
  }

  deinit { close(descriptor) }

  package func append(_ bytes: [UInt8]) async throws {
    try await blocking(on: queue) { [descriptor] in
      var rest = bytes[...]
      while !rest.isEmpty {
        let written = rest.withUnsafeBytes { write(descriptor, $0.baseAddress, $0.count) }
        if written < 0 && errno == EINTR { continue }
        guard written > 0 else { throw ChildProcess.failure("write to a temporary file", errno) }
        rest = rest.dropFirst(written)
      }
    }
  }

  /// Puts the descriptor's offset back to the start.
  package func rewind() { lseek(descriptor, 0, SEEK_SET) }

  /// What was written, at most `limit` bytes of it.
  package func contents(limit: Int) async throws -> [UInt8] {
    try await blocking(on: queue) { [descriptor] in
      var bytes: [UInt8] = []
      while bytes.count < limit {
        let want = min(limit - bytes.count, 1 << 16)
        let offset = off_t(bytes.count)
        let got = try [UInt8](unsafeUninitializedCapacity: want) { buffer, count in
          let read = pread(descriptor, buffer.baseAddress, want, offset)
          guard read >= 0 else { throw ChildProcess.failure("read of a temporary file", errno) }
          count = read
        }
        if got.isEmpty { break }
        bytes += got
      }
      return bytes
    }
  }
}
