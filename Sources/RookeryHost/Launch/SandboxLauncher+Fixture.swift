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
    // No name server answers inside: names other than the brokers' fail at once instead of after a timeout.
    try data.write("resolv.conf", Data("options timeout:1 attempts:1\n".utf8), mode: 0o644, durable: false)
    hosts = settings.dataDirectory + "/hosts"
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
