import CSandbox
import Foundation
import Glibc
import RookeryModel

/// Looks at what sandboxes need of this machine. Changes nothing; blocks for some milliseconds.
package func hostFindings(_ settings: HostSettings) -> [Finding] {
  let facts = HostFacts.current()
  return [
    HostCheck.kernel(release: facts.kernelRelease),
    HostCheck.root(user: geteuid()),
    HostCheck.userNamespaces(maximum: facts.maximumUserNamespaces),
    HostCheck.cgroups((try? CgroupLayout.current())),
    HostCheck.landlock(version: Int(cs_landlock_version())),
    HostCheck.overlay(fileSystems: facts.fileSystems),
    HostCheck.program("bubblewrap", path: settings.bubblewrap, package: "bubblewrap", needed: true),
    HostCheck.program("nftables", path: settings.nft, package: "nftables", needed: false),
    HostCheck.program("mmdebstrap", path: DebianBootstrap.program, package: "mmdebstrap", needed: false),
    HostCheck.program("git", path: "/usr/bin/git", package: "git", needed: true),
    HostCheck.runner(path: settings.runnerBinary),
    HostCheck.bases((try? BaseCatalogue(cacheDirectory: settings.cacheDirectory).list()) ?? []),
    HostCheck.disk(free: HostFacts.freeBytes(settings.dataDirectory), path: settings.dataDirectory),
    HostCheck.storage(
      HostFacts.storage(settings.dataDirectory), isBtrfs: HostFacts.isBtrfs(settings.dataDirectory),
      canMake: access(HostStorage.makeProgram, X_OK) == 0 && access("/dev/loop-control", F_OK) == 0),
    HostCheck.systemUser("rookery-serve", exists: getpwnam("rookery-serve") != nil),
    HostCheck.systemUser("rookery-gateway", exists: getpwnam("rookery-gateway") != nil),
  ]
}

/// Each check by itself: what was read goes in, the finding comes out.
package enum HostCheck {
  package static func kernel(release: String) -> Finding {
    let numbers = release.split(whereSeparator: { $0 != "." && !$0.isNumber }).first?.split(separator: ".").compactMap { Int($0) } ?? []
    guard numbers.count >= 2 else { return Finding("kernel", .warning, "release “\(release)” is not understood") }
    // Overlay's `volatile`, openat2 without symlinks, clone3 into a cgroup, close_range to close-on-exec.
    return (numbers[0], numbers[1]) >= (5, 11)
      ? Finding("kernel", .ok, release)
      : Finding("kernel", .failure, "\(release) is older than 5.11", mend: "Upgrade the kernel, for instance to Debian 12’s.")
  }

  package static func root(user: UInt32) -> Finding {
    user == 0
      ? Finding("root", .ok, "running as root")
      : Finding(
        "root", .failure, "running as user \(user): sandboxes can't be started, and no boundary lies between Rookery's processes",
        mend: "Start Rookery as root; its processes give up what they don't need.")
  }

  package static func userNamespaces(maximum: Int?) -> Finding {
    guard let maximum else {
      return Finding("user namespaces", .failure, "the kernel has none", mend: "Use a kernel with CONFIG_USER_NS.")
    }
    return maximum > 0
      ? Finding("user namespaces", .ok, "up to \(maximum)")
      : Finding("user namespaces", .failure, "switched off", mend: "sysctl user.max_user_namespaces=10000")
  }

  package static func cgroups(missing: [String], layout: String) -> Finding {
    missing.isEmpty
      ? Finding("cgroups", .ok, "\(layout), with memory, pids, cpu and freezer")
      : Finding(
        "cgroups", .failure, "\(layout), without \(missing.joined(separator: ", "))",
        mend: "Boot with systemd, or mount these controllers under /sys/fs/cgroup.")
  }

  static func cgroups(_ layout: CgroupLayout?) -> Finding {
    guard let layout else { return cgroups(missing: ["memory", "pids", "cpu", "freezer"], layout: "unknown") }
    return cgroups(missing: layout.missing, layout: layout.name)
  }

  package static func landlock(version: Int) -> Finding {
    if version >= 6 { return Finding("landlock", .ok, "version \(version)") }
    let text =
      version >= 2
      ? "version \(version): no bound on signals and abstract sockets" : "absent: sandboxes lack one of their walls, not the boundary"
    return Finding("landlock", .warning, text, mend: "Use a kernel of 6.12 or later with “landlock” in its list of security modules.")
  }

  /// `fileSystems`: the text of /proc/filesystems. An overlay module that is not loaded yet is not in it.
  package static func overlay(fileSystems: String) -> Finding {
    fileSystems.split(separator: "\n").contains { $0.hasSuffix("\toverlay") }
      ? Finding("overlay", .ok, "available")
      : Finding("overlay", .warning, "not loaded", mend: "modprobe overlay")
  }

  package static func program(_ name: String, path: String, package: String, needed: Bool) -> Finding {
    access(path, X_OK) == 0
      ? Finding(name, .ok, path)
      : Finding(name, needed ? .failure : .warning, "not at \(path)", mend: "apt-get install \(package)")
  }

  package static func runner(path: String) -> Finding {
    access(path, X_OK) == 0
      ? Finding("runner", .ok, path)
      : Finding("runner", .failure, "not at \(path)", mend: "Install rookery-runner beside rookery: “make build”.")
  }

  package static func bases(_ bases: [BaseRecord]) -> Finding {
    bases.isEmpty
      ? Finding("base", .failure, "no base filesystem yet", mend: "Make one: “rookery base make”, or “make setup”.")
      : Finding("base", .ok, bases.map(\.name.rawValue).joined(separator: ", "))
  }

  /// `free`: bytes, nil when it can't be told.
  package static func disk(free: UInt64?, path: String) -> Finding {
    guard let free else { return Finding("disk", .warning, "the free space of \(path) can't be told") }
    let text = "\(free >> 20) MiB free for \(path)"
    if free < 1 << 30 { return Finding("disk", .failure, text, mend: "Free at least 1 GiB.") }
    return free < 10 << 30 ? Finding("disk", .warning, text, mend: "Have 10 GiB free for images and sessions.") : Finding("disk", .ok, text)
  }

  /// How the sandboxes' files are kept, or, where nothing is kept yet, will be.
  package static func storage(_ kind: StorageKind?, isBtrfs: Bool, canMake: Bool) -> Finding {
    let name = "sandbox storage"
    switch kind ?? (isBtrfs ? .subvolumes : canMake ? .volume : .directories) {
    case .subvolumes: return Finding(name, .ok, "subvolumes of the data directory's btrfs: the kernel bounds each, snapshots share blocks")
    case .volume: return Finding(name, .ok, "a btrfs in a sparse file: the kernel bounds each sandbox, snapshots share blocks")
    case .directories:
      return Finding(
        name, .warning, "plain directories: what sandboxes write is counted, not bounded, and copied for each snapshot",
        mend: kind == nil
          ? "apt-get install btrfs-progs, on a machine with loop devices; or put the data directory on btrfs."
          : "A new data directory gets a btrfs of its own where btrfs-progs and loop devices are there.")
    }
  }

  package static func systemUser(_ name: String, exists: Bool) -> Finding {
    exists
      ? Finding("user \(name)", .ok, "exists")
      : Finding(
        "user \(name)", .warning, "does not exist: Rookery's processes would share one user, and a fault in one reaches all",
        mend: "useradd --system --no-create-home --shell /usr/sbin/nologin \(name)")
  }
}
