import RookeryConfiguration
import RookeryModel

/// What runs inside a sandbox for a service. Values travel as arguments, never inside a script's text.
///
/// A service writes to `/var/log/rookery/NAME.log`, which agents can read: cut to its last 256 KiB whenever it is larger than
/// 1 MiB. Nothing of it passes through the runner's journal but the last line, when its command ends.
struct ServiceScripts: Sendable {
  static let logs = "/var/log/rookery"

  let service: EnvironmentFile.Service
  let index: Int
  let directory: String
  let environment: [String: String]

  private var account: ProcessSpec.Account { service.root ? .root : .agent }

  /// The service's number, since a name may hold what a path may not.
  private var log: String {
    let plain = service.name.utf8.allSatisfy {
      (0x61...0x7a).contains($0) || (0x41...0x5a).contains($0) || (0x30...0x39).contains($0) || [0x2d, 0x5f].contains($0)
    }
    return "\(Self.logs)/\(plain && !service.name.isEmpty ? service.name : "service-\(index)").log"
  }

  private func specification(_ id: ProcessID, _ script: String, _ arguments: [String], as account: ProcessSpec.Account) -> ProcessSpec {
    ProcessSpec(
      id: id, argv: ["/bin/sh", "-c", script, "service"] + arguments,
      environment: BuildShell.environment(of: account).merging(environment) { _, given in given }, directory: directory, account: account)
  }

  /// Makes the log, in a directory where nobody but root can put a link in its place.
  func prepare() -> ProcessSpec {
    specification(
      .random(prefix: "service-"),
      """
      mkdir -p "$1" && : >> "$2" && : >> "$2.old" && chown "$3" "$2" "$2.old" && chmod 644 "$2" "$2.old"
      """,
      [Self.logs, log, service.root ? "0:0" : "1000:1000"], as: .root)
  }

  /// The service itself, once in a sandbox's life: its id is always the same.
  func start() throws -> ProcessSpec {
    specification(
      try ProcessID("service-\(index)"),
      """
      log=$2
      while sleep 2; do
        size=$(wc -c < "$log") || exit
        [ "$size" -le 1048576 ] || { tail -c 262144 "$log" > "$log.old"; : > "$log"; }
      done </dev/null >/dev/null 2>&1 &
      keeper=$!
      /bin/sh -c "$1" </dev/null >>"$log" 2>&1
      code=$?
      kill "$keeper" 2>/dev/null
      tail -c 4096 "$log" | tail -n 1
      exit "$code"
      """, [service.command, log], as: account)
  }

  /// Ends when the service can be used.
  func awaitReadiness() -> ProcessSpec {
    let check = check
    return specification(
      .random(prefix: "ready-"), "until \(Self.once); do sleep 0.1 || sleep 1; done", check, as: account)
  }

  /// Says by its exit whether the service can be used now.
  func checkOnce() -> ProcessSpec {
    specification(.random(prefix: "ready-"), Self.once, check, as: account)
  }

  private static let once = #"/bin/sh -c "$1" check "$2" </dev/null >/dev/null 2>&1"#

  private var check: [String] {
    switch service.ready {
    case .command(let command): return [command, ""]
    case .port(let port):
      // A listening socket of this network namespace on that port, whatever its address: no program but grep is needed.
      let hexadecimal = String(port, radix: 16, uppercase: true)
      let padded = String(repeating: "0", count: max(0, 4 - hexadecimal.count)) + hexadecimal
      return [#"cat /proc/net/tcp /proc/net/tcp6 2>/dev/null | grep -q -i ":$1 [0-9A-F]*:0000 0A ""#, padded]
    }
  }

  func lastLine() -> ProcessSpec {
    specification(.random(prefix: "service-"), #"tail -c 4096 "$1" | tail -n 1"#, [log], as: account)
  }
}
