import Foundation
import RookeryModel
import RookeryRehearsal

/// git for the demo's own repositories, with no configuration but ours.
struct GitProgram: Sendable {
  /// A directory of ours for its configuration.
  let home: String

  /// Writes the configuration: directories of other users are read, since root copies a developer's checkout.
  init(home: String) throws {
    self.home = home
    let text = "[safe]\n\tdirectory = *\n[user]\n\tname = Rookery Demo\n\temail = demo@example.com\n[init]\n\tdefaultBranch = main\n"
    try Data(text.utf8).write(to: URL(fileURLWithPath: home + "/gitconfig"))
  }

  /// Runs it to its end and returns what it printed. Throws `internal` when it fails.
  @discardableResult
  func callAsFunction(_ arguments: String...) async throws -> String {
    let child = try ChildProcess(
      arguments: ["/usr/bin/git"] + arguments,
      environment: [
        "PATH": "/usr/bin:/bin", "HOME": home, "GIT_CONFIG_GLOBAL": home + "/gitconfig", "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_TERMINAL_PROMPT": "0", "LC_ALL": "C",
      ])
    var output: [UInt8] = []
    while true {
      let bytes = try await child.read()
      if bytes.isEmpty { break }
      output += bytes
    }
    let code = try await child.wait()
    guard code == 0 else {
      throw RookeryError(
        .internal, "git \(arguments.prefix(3).joined(separator: " ")) failed (exit \(code)).", mend: "Run it by hand to see why.")
    }
    return String(decoding: output, as: UTF8.self).trimmingCharacters(in: .whitespacesAndNewlines)
  }
}
