import Foundation
import Glibc

/// Where a command writes: results to standard output, progress and complaints to standard error.
package struct Terminal: Sendable {
  package let output: Palette
  package let diagnostics: Palette
  /// Whether standard error is a terminal, so that a line may be written anew.
  package let rewritesLines: Bool
  /// Columns, where they are known.
  package let width: Int
  /// Whether the program goes on when nobody reads its output any more: what has to clean up after itself does.
  private let outlivesReader: Bool

  /// Colours only on a terminal, and none with a non-empty `NO_COLOR` or on a dumb terminal.
  package init(environment: [String: String] = ProcessInfo.processInfo.environment, outlivesReader: Bool = false) {
    self.outlivesReader = outlivesReader
    let isPlain = !(environment["NO_COLOR"] ?? "").isEmpty || environment["TERM"] == "dumb"
    output = Palette(isColoured: isatty(STDOUT_FILENO) == 1 && !isPlain)
    diagnostics = Palette(isColoured: isatty(STDERR_FILENO) == 1 && !isPlain)
    rewritesLines = isatty(STDERR_FILENO) == 1 && environment["TERM"] != "dumb"
    var size = winsize()
    let known = ioctl(STDERR_FILENO, UInt(TIOCGWINSZ), &size) == 0 && size.ws_col > 0
    width = known ? Int(size.ws_col) : 100
  }

  /// Writes to standard output at once.
  package func write(_ text: String) {
    guard Self.write(text, to: STDOUT_FILENO) == EPIPE, !outlivesReader else { return }
    // Libraries had the signal ignored; a reader that is gone (`| head`) ends us as it ends any other program.
    signal(SIGPIPE, SIG_DFL)
    raise(SIGPIPE)
  }
  package func line(_ text: String = "") { write(text + "\n") }
  /// Writes to standard error at once.
  package func note(_ text: String) { _ = Self.write(text + "\n", to: STDERR_FILENO) }
  func rewrite(_ text: String) { _ = Self.write(text, to: STDERR_FILENO) }

  /// Returns 0, or the errno that ended it.
  private static func write(_ text: String, to descriptor: Int32) -> Int32 {
    var text = text
    return text.withUTF8 { bytes in
      var sent = 0
      while sent < bytes.count {
        let count = Glibc.write(descriptor, bytes.baseAddress?.advanced(by: sent), bytes.count - sent)
        if count > 0 {
          sent += count
        } else if errno == EAGAIN {
          var waiting = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
          poll(&waiting, 1, 1000)
        } else if errno != EINTR {
          return errno
        }
      }
      return 0
    }
  }
}
