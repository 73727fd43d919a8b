import RookeryModel

/// Commands that explain themselves instead of running: a guard-rail for agents that mean well, no boundary.
struct BlockedCommands: Sendable, Equatable, Codable {
  static let maximum = 64
  private static let directories = ["usr/local/sbin", "usr/local/bin", "usr/sbin", "usr/bin", "sbin", "bin"]

  /// Sorted, each once.
  let names: [String]

  /// Throws `badRequest` for names that can't be a command's, and for the shell, which the explanation itself needs.
  init(_ asked: [String]?) throws {
    names = Set(asked ?? []).sorted()
    let shells = ["sh", "dash", "bash", "busybox", "env"]
    guard names.count <= Self.maximum, names.allSatisfy({ Self.isCommand($0) && !shells.contains($0) }) else {
      throw RookeryError(
        .badRequest, "These commands can't be blocked.", mend: "Give at most \(Self.maximum) names of programs, none of them a shell.")
    }
  }

  static func isCommand(_ name: String) -> Bool {
    let allowed = name.utf8.allSatisfy { byte in
      (0x30...0x39).contains(byte) || (0x41...0x5a).contains(byte) || (0x61...0x7a).contains(byte)
        || [0x2b, 0x2d, 0x2e, 0x5f].contains(byte)
    }
    return allowed && (1...64).contains(name.utf8.count) && name != "." && name != ".."
  }

  /// Where they may lie, below the sandbox's root.
  var paths: [String] { names.flatMap { name in Self.directories.map { "\($0)/\(name)" } } }

  /// What runs in their place.
  static let explanation = """
    #!/bin/sh
    name=${0##*/}
    echo "rookery: $name is blocked in this sandbox. Use the repository's own tools, git, or a package manager instead;" >&2
    echo "rookery: the operator can allow it: blocked_commands in Rookery's configuration." >&2
    exit 126

    """
}
