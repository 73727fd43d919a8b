import Foundation
import Glibc
import RookeryControl
import RookeryModel

extension SandboxLauncher.Fixture {
  /// Writes the files that every sandbox sees into `data` and opens what sandboxes share.
  init(settings: HostSettings, data: Directory) throws {
    guard access(settings.bubblewrap, X_OK) == 0 else {
      throw RookeryError(.hostUnsupported, "bubblewrap is not installed at \(settings.bubblewrap).", mend: "apt-get install bubblewrap")
    }
    bubblewrap = settings.bubblewrap
    runner = settings.runnerBinary
    guard access(runner, X_OK) == 0 else {
      throw RookeryError(.hostUnsupported, "There is no runner at \(runner).", mend: "Install rookery-runner beside rookery.")
    }
    try data.write("hosts", Data(Self.hosts.utf8), mode: 0o644, durable: false)
    // An address that nobody has (RFC 2544): questions to any are redirected to the gateway.
    try data.write("resolv.conf", Data("nameserver 198.18.0.53\noptions timeout:5 attempts:2\n".utf8), mode: 0o644, durable: false)
    try data.write("blocked", Data(BlockedCommands.explanation.utf8), mode: 0o755, durable: false)
    hosts = settings.dataDirectory + "/hosts"
    explainer = settings.dataDirectory + "/blocked"
    resolver = settings.dataDirectory + "/resolv.conf"
    maskedFiles = ["/proc/kcore", "/proc/keys", "/proc/key-users", "/proc/timer_list", "/proc/latency_stats", "/proc/sched_debug"]
      .filter { access($0, F_OK) == 0 }
    maskedDirectories = ["/proc/acpi", "/proc/scsi"].filter { access($0, F_OK) == 0 }
  }

  static var hosts: String {
    """
    127.0.0.1 localhost \(BubblewrapArguments.hostname)
    ::1 localhost ip6-localhost
    127.0.0.1 \(Broker.allCases.map(\.host).joined(separator: " "))

    """
  }
}
