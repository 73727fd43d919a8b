import RookeryConfiguration

/// What a repository's `packages` come to: command lines of the package managers in its base, in order.
struct PackageInstall: Sendable, Equatable {
  var manager: String
  var commands: [[String]]

  static func plan(_ packages: EnvironmentFile.Packages) -> [PackageInstall] {
    var plan: [PackageInstall] = []
    if !packages.apt.isEmpty {
      plan.append(
        PackageInstall(
          manager: "apt-get",
          commands: [
            ["apt-get", "update", "--quiet"],
            ["apt-get", "install", "--quiet", "--yes", "--no-install-recommends", "--"] + packages.apt,
            // Lists and archives are a third of what an installation leaves.
            ["apt-get", "clean"], ["find", "/var/lib/apt/lists", "-mindepth", "1", "-delete"],
          ]))
    }
    if !packages.pip.isEmpty {
      plan.append(PackageInstall(manager: "python3", commands: [["python3", "-m", "pip", "install", "--"] + packages.pip]))
    }
    if !packages.npm.isEmpty {
      plan.append(PackageInstall(manager: "npm", commands: [["npm", "install", "--global", "--"] + packages.npm]))
    }
    return plan
  }

  /// Quiet, without caches, and allowed to install where the base's own packages are: this is a machine of its own.
  static let environment = [
    "PIP_BREAK_SYSTEM_PACKAGES": "1", "PIP_ROOT_USER_ACTION": "ignore", "PIP_NO_CACHE_DIR": "1", "PIP_NO_INPUT": "1",
    "PIP_DISABLE_PIP_VERSION_CHECK": "1", "PIP_PROGRESS_BAR": "off", "npm_config_fund": "false", "npm_config_audit": "false",
    "npm_config_update_notifier": "false", "npm_config_progress": "false",
  ]
}
