import Foundation
import RookeryModel

/// One run of mmdebstrap.
struct DebianBootstrap {
  static let program = "/usr/bin/mmdebstrap"

  var suite: String
  var packages: [String]
  var target: String
  /// Shell commands that get the tree's path as `$1` when everything is installed.
  var hooks: [String]

  var arguments: [String] {
    ["--mode=root", "--variant=minbase", "--format=directory", "--include=\(packages.joined(separator: ","))"]
      // Neither documentation nor translations: a third of the size.
      + ["--dpkgopt=path-exclude=/usr/share/man/*", "--dpkgopt=path-exclude=/usr/share/locale/*"]
      + ["--dpkgopt=path-exclude=/usr/share/doc/*", "--dpkgopt=path-include=/usr/share/doc/*/copyright"]
      + hooks.map { "--customize-hook=\($0)" } + [suite, target]
  }

  /// Blocks until it ends. Throws `hostUnsupported` with the last lines it wrote when it fails.
  func run(progress: @Sendable (String) -> Void) throws {
    guard FileManager.default.isExecutableFile(atPath: Self.program) else {
      throw RookeryError(.hostUnsupported, "mmdebstrap is not installed.", mend: "apt-get install mmdebstrap")
    }
    let process = Process()
    process.executableURL = URL(fileURLWithPath: Self.program)
    process.arguments = arguments
    let output = Pipe()
    process.standardInput = FileHandle.nullDevice
    process.standardOutput = output
    process.standardError = output
    do { try process.run() } catch {
      throw RookeryError(.hostUnsupported, "mmdebstrap can't be started.", context: String(describing: error))
    }
    var last: [String] = []
    var rest = Data()
    while case let part = output.fileHandleForReading.availableData, !part.isEmpty {
      rest.append(part)
      while let end = rest.firstIndex(of: 0x0a) {
        let line = String(decoding: rest[rest.startIndex..<end], as: UTF8.self)
        rest = Data(rest[rest.index(after: end)...])
        if line.hasPrefix("I: ") { progress(String(line.dropFirst(3))) }
        last = (last + [line]).suffix(10)
      }
    }
    process.waitUntilExit()
    guard process.terminationStatus == 0 else {
      throw RookeryError(
        .hostUnsupported, "mmdebstrap failed: \(last.joined(separator: " / "))",
        mend: "Check that apt-get works on this machine, then try again.")
    }
  }
}
