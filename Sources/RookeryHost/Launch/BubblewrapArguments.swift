import RookeryModel

/// bubblewrap's command line for a sandbox. It names only the launcher's staging directory and what is inside: nothing of the host.
struct BubblewrapArguments {
  /// The launcher's staging directory, in its own mount namespace.
  static let staging = "/run"
  static let agentsDirectory = "/opt/rookery/agents"
  static let hostname = "sandbox"
  static let path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

  /// Descriptors that bubblewrap inherits, by what they are for.
  enum Descriptor: Int32, CaseIterable { case input, output, error, listener, seccomp, info }

  /// What image setup needs, and SETPCAP, with which the runner empties the bounding set before it gives SETPCAP up.
  static let capabilities = [
    "CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_FOWNER", "CAP_FSETID", "CAP_SETUID", "CAP_SETGID", "CAP_SYS_CHROOT", "CAP_KILL",
    "CAP_SETPCAP",
  ]

  /// Files of /proc that tell about the host or its kernel, those that exist here.
  var maskedFiles: [String]
  var maskedDirectories: [String]
  var bundles: [AgentName]
  var sandbox: SandboxID
  /// What one process may have open.
  var openFiles: Int
  /// Bytes a second that its processes may write together.
  var outputRate: Int

  static func bundleName(_ agent: AgentName) -> String { "agent-\(agent)" }

  var values: [String] {
    var values = [
      "bwrap", "--unshare-pid", "--unshare-ipc", "--unshare-uts", "--unshare-cgroup-try", "--hostname", Self.hostname,
      "--bind", "\(Self.staging)/root", "/", "--proc", "/proc", "--dev", "/dev",
      "--perms", "1777", "--tmpfs", "/tmp", "--tmpfs", "/run",
      "--ro-bind", "\(Self.staging)/runner", "/run/rookery/runner",
      "--bind", "\(Self.staging)/journal", "/run/rookery/journal",
      "--ro-bind", "\(Self.staging)/hosts", "/etc/hosts",
      "--ro-bind", "\(Self.staging)/resolv.conf", "/etc/resolv.conf",
      // A directory that bubblewrap makes on the way to a file is for root alone.
      "--perms", "0755", "--dir", SandboxTrust.directory,
      "--ro-bind", "\(Self.staging)/ca-certificates.crt", SandboxTrust.bundle,
      "--ro-bind", "\(Self.staging)/apt.conf", SandboxTrust.aptConfiguration,
    ]
    for agent in bundles {
      values += ["--ro-bind", "\(Self.staging)/\(Self.bundleName(agent))", "\(Self.agentsDirectory)/\(agent)"]
    }
    for file in maskedFiles { values += ["--ro-bind", "/dev/null", file] }
    for directory in maskedDirectories { values += ["--tmpfs", directory, "--remount-ro", directory] }
    values += ["--chdir", "/", "--clearenv", "--setenv", "PATH", Self.path, "--cap-drop", "ALL"]
    for capability in Self.capabilities { values += ["--cap-add", capability] }
    values += [
      "--seccomp", "\(Descriptor.seccomp.rawValue)", "--info-fd", "\(Descriptor.info.rawValue)", "--as-pid-1", "--",
      "/run/rookery/runner", "--listen-fd", "\(Descriptor.listener.rawValue)", "--journal", "/run/rookery/journal",
      "--sandbox", sandbox.rawValue, "--open-files", String(openFiles), "--output-rate", String(outputRate),
    ]
    return values
  }
}
