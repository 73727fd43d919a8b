import Foundation
import RookeryModel

/// A program of this machine that is run to its end for an operator who asked for it.
struct HostProgram {
  var arguments: [String]
  /// What could not be done, when it fails.
  var what: String
  var mend = ""

  init(_ arguments: [String], what: String, mend: String = "") {
    self.arguments = arguments
    self.what = what
    self.mend = mend
  }

  /// Blocks until it ends; returns what it printed, at most 1 MiB. Throws `hostUnsupported` with the last lines it wrote.
  @discardableResult
  func run() throws -> String {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments =
      ["-i", "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C.UTF-8", "HOME=/root"] + arguments
    let output = Pipe()
    process.standardInput = FileHandle.nullDevice
    process.standardOutput = output
    process.standardError = output
    do { try process.run() } catch {
      throw RookeryError(.hostUnsupported, "\(what): it can't be started.", mend: mend, context: String(describing: error))
    }
    var text = Data()
    while case let part = output.fileHandleForReading.availableData, !part.isEmpty {
      if text.count < 1 << 20 { text.append(part) }
    }
    process.waitUntilExit()
    let written = String(decoding: text, as: UTF8.self)
    guard process.terminationStatus == 0 else {
      let last = written.split(separator: "\n").suffix(5).joined(separator: " / ")
      throw RookeryError(.hostUnsupported, "\(what): \(last.suffix(1000))", mend: mend)
    }
    return written
  }
}
