import Foundation
import RookeryModel

/// Fetches an agent's Python packages as wheels with pip, which unpacks nothing and runs nothing of them.
struct WheelDownload: Sendable {
  /// What the wheels must run on: the base's interpreter.
  struct Target: Sendable, Equatable {
    /// `3.11`
    var python: String
    /// `x86_64`
    var machine: String
    /// Minor version of glibc 2: `36`.
    var glibc: Int

    /// Every platform tag that runs there, best first.
    var platforms: [String] {
      let numbered = stride(from: glibc, through: 17, by: -1).map { "manylinux_2_\($0)_\(machine)" }
      return numbered + ["manylinux2014_\(machine)", "manylinux2010_\(machine)", "manylinux1_\(machine)", "linux_\(machine)"]
    }

    var tag: String { "cp" + python.replacing(".", with: "") }
  }

  var timeout = Duration.seconds(900)
  /// Bytes of wheels that an agent may have.
  static let sizeLimit = 2 << 30

  /// Puts the wheels of `requirements` and of pip into `directory`, which exists; `line` gets pip's output.
  func fetch(
    _ requirements: [String], for target: Target, into directory: String, line: @escaping @Sendable (String) -> Void
  ) async throws -> WheelSet {
    try requirements.forEach(Self.check)
    try await requirePip()
    let platforms = target.platforms.flatMap { ["--platform", $0] }
    let argv =
      [
        "python3", "-m", "pip", "download", "--disable-pip-version-check", "--no-input", "--progress-bar", "off", "--only-binary=:all:",
        "--python-version", target.python, "--implementation", "cp", "--abi", target.tag, "--abi", "abi3", "--abi", "none",
      ] + platforms + ["--dest", directory, "--", "pip"] + requirements
    let lines = LineRelay(line)
    let result = try await run(argv, limit: 1 << 20) { lines.add($0) }
    lines.finish()
    guard result.code == 0 else {
      let reason = result.errorText.split(separator: "\n").last { $0.hasPrefix("ERROR:") }.map {
        PlainText.line($0.dropFirst(7).prefix(300))
      }
      throw RookeryError(
        .unavailable, "The agent's packages can't be downloaded: \(reason ?? "pip ended with exit \(result.code)").",
        mend: "Check the network and the requirement; only packages with ready-made wheels for Python \(target.python) can be installed.",
        context: String(result.errorText.suffix(2000)))
    }
    let wheels = try await WheelSet(directory: directory)
    guard wheels.size <= Self.sizeLimit else {
      throw RookeryError(.tooLarge, "The agent's packages take \(wheels.size >> 20) MiB, more than \(Self.sizeLimit >> 20).")
    }
    return wheels
  }

  /// Refuses requirements that are an option of pip or a direct reference, which pip would build by running its code.
  static func check(_ requirement: String) throws {
    let isPlain = requirement.unicodeScalars.allSatisfy { $0.value >= 0x20 && $0.value < 0x7f }
    guard isPlain, (1...300).contains(requirement.utf8.count), requirement.first.map({ $0.isLetter || $0.isNumber }) == true,
      !requirement.contains("/"), !requirement.contains("@"), !requirement.contains("\\")
    else {
      throw RookeryError(
        .configurationInvalid, "“\(PlainText.line(requirement.prefix(80)))” is not a requirement that an agent may have.",
        mend: "Name packages of the index, such as “agentao[cli]==0.5.17”.")
    }
  }

  private func requirePip() async throws {
    let mend = "Install it: “apt-get install python3-pip”."
    do {
      let found = try await run(["python3", "-m", "pip", "--version"], limit: 4096)
      guard found.code == 0 else {
        throw RookeryError(.hostUnsupported, "pip, which downloads agents, is not installed on this machine.", mend: mend)
      }
    } catch LocalCommand.Failure.notStarted(let step, _) {
      throw RookeryError(.hostUnsupported, "Python 3, which downloads agents, is not installed on this machine.", mend: mend, context: step)
    }
  }

  private func run(
    _ argv: [String], limit: Int, observe: (@Sendable ([UInt8]) -> Void)? = nil
  ) async throws -> LocalCommand.Result {
    // pip's own settings (index, proxy, certificates) are the operator's.
    let inherited = ProcessInfo.processInfo.environment.filter { name, _ in
      name.hasPrefix("PIP_") || ["PATH", "HOME", "TMPDIR", "SSL_CERT_FILE", "REQUESTS_CA_BUNDLE"].contains(name)
        || ["http_proxy", "https_proxy", "no_proxy", "all_proxy"].contains(name.lowercased())
    }
    let environment = inherited.merging(["LC_ALL": "C.UTF-8", "PYTHONUNBUFFERED": "1"]) { _, ours in ours }
    do {
      return try await LocalCommand(argv: argv, environment: environment, timeout: timeout, outputLimit: limit).run(observe: observe)
    } catch LocalCommand.Failure.timedOut {
      throw RookeryError(
        .unavailable, "The agent's packages were not downloaded within \(timeout.components.seconds / 60) minutes.",
        mend: "Check the network, then try again.")
    }
  }
}
