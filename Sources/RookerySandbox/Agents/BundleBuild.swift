import Foundation
import RookeryControl
import RookeryModel

/// The part of an installation that happens inside the sandbox: a virtual environment at the bundle's place, filled from
/// wheels, compiled and tried.
struct BundleBuild: Sendable {
  let definition: AgentDefinition
  let shell: BuildShell

  private static let wheelhouse = "/var/tmp/wheels"
  private static let chunk = 256 << 10

  private var bundle: String { Self.directory(of: definition.name) }

  /// Where a bundle is, in every sandbox.
  static func directory(of agent: AgentName) -> String { "/opt/rookery/agents/\(agent)" }

  /// Asks the base's interpreter what wheels it needs.
  func target() async throws -> WheelDownload.Target {
    let question = "import os, sys, venv; print(*sys.version_info[:2], os.uname().machine, os.confstr('CS_GNU_LIBC_VERSION'))"
    // Asked through a shell, so that a base without Python answers, too.
    let script = "exec python3 -c \"$0\""
    let answer = try await shell.capture(.init(argv: ["/bin/sh", "-c", script, question], account: .root), limit: 4096)
    let words = answer.output.split(whereSeparator: \.isWhitespace)
    guard answer.exit.succeeded, words.count == 5, let minor = words[4].split(separator: ".").last.flatMap({ Int($0) }) else {
      throw RookeryError(
        .hostUnsupported, "The base root filesystem has no Python 3 with the venv module, which agents need.",
        mend: "Make the base again with “make setup”.", context: String(answer.errorOutput.prefix(500)))
    }
    return WheelDownload.Target(python: "\(words[0]).\(words[1])", machine: String(words[2]), glibc: min(max(17, minor), 60))
  }

  func install(_ wheels: WheelSet) async throws {
    guard let pip = wheels.pip else {
      throw RookeryError(.unavailable, "The downloaded packages lack pip.", mend: "Check the package index, then try again.")
    }
    try await root(["mkdir", "-p", Self.wheelhouse, "/opt/rookery/agents"])
    try await shell.log.timed("Sent to the sandbox", step: "install") { try await upload(wheels) }
    // Without ensurepip, which Debian packages apart: pip runs from its own wheel and stays out of the bundle.
    try await root(["python3", "-m", "venv", "--without-pip", bundle])
    let installer = ["\(bundle)/bin/python", "\(Self.wheelhouse)/\(pip.name)/pip"]
    let options = [
      "install", "--no-index", "--find-links", Self.wheelhouse, "--no-compile", "--no-cache-dir", "--no-warn-script-location", "--quiet",
      "--",
    ]
    try await shell.log.timed("Installed", step: "install") { try await root(installer + options + definition.python) }
    _ = try await shell.run(program(installer + ["check"]), step: "check")
    // Checked never: the bundle is read-only, and times of files may change on its way. Some packages hold templates that
    // aren't Python, so a failure here says nothing.
    let compiler = ["\(bundle)/bin/python", "-m", "compileall", "-qq", "-j", "0", "--invalidation-mode", "unchecked-hash", "\(bundle)/lib"]
    _ = try await shell.log.timed("Compiled", step: "install") { try await shell.run(program(compiler), step: "install") }
    try await root(["chmod", "-R", "a+rX", bundle])
  }

  /// The agent's program has to be there and to start as the agent's account.
  func check() async throws {
    guard let first = definition.argv.first else {
      throw RookeryError(.configurationInvalid, "The agent “\(definition.name)” names no program.", mend: "Give its “argv”.")
    }
    let path = first.replacing("{bundle}", with: bundle)
    let found = try await shell.run(agent(["/bin/sh", "-c", "command -v \"$0\" >/dev/null", path]), step: "check")
    guard found.succeeded else {
      throw RookeryError(
        .agentFailed, "The packages of “\(definition.name)” hold no program \(path).", mend: "Correct the agent's “python” or “argv”.")
    }
    var last: ProcessResult?
    for argument in ["--version", "--help"] {
      let result = try await bounded(agent([path, argument]))
      if let result, result.exit.succeeded {
        let line = result.output.split(separator: "\n").first.map { PlainText.line($0.prefix(200)) } ?? "ok"
        try await shell.log.note("\(definition.name) \(argument): \(line)", step: "check")
        return
      }
      last = result ?? last
    }
    let complaint = last?.errorOutput ?? ""
    if let last,
      last.exit == .code(126) || last.exit == .code(127) || complaint.contains("ImportError") || complaint.contains("ModuleNotFoundError")
    {
      throw RookeryError(
        .agentFailed, "“\(definition.name)” does not start (\(last.exit.text)).",
        mend: "Correct the agent's “python”; the log has its words.",
        context: String(complaint.suffix(2000)))
    }
    try await shell.log.note("\(definition.name) answers neither --version nor --help; it was not tried further.", step: "check")
  }

  /// Runs a program for at most a minute; nil when it took longer.
  private func bounded(_ program: BuildShell.Program) async throws -> ProcessResult? {
    let slow = RookeryError(.limitHit, "The agent's program did not answer within a minute.")
    do {
      return try await withDeadline(.seconds(60), failure: slow) { try await shell.capture(program, limit: 64 << 10) }
    } catch let error as RookeryError where error == slow {
      return nil
    }
  }

  /// Streams the wheels into the sandbox as a tar archive.
  private func upload(_ wheels: WheelSet) async throws {
    let id = ProcessID.random(prefix: "p-")
    try await shell.sandbox.start(
      ProcessSpec(
        id: id, argv: ["tar", "-x", "--no-same-owner", "-f", "-", "-C", Self.wheelhouse],
        environment: BuildShell.environment(of: .root), directory: "/", account: .root, input: true))
    var stream = ProcessInput(sandbox: shell.sandbox, process: id)
    for wheel in wheels.wheels {
      try await stream.write(TarStream.header(name: wheel.name, size: wheel.size))
      try await send("\(wheels.directory)/\(wheel.name)", size: wheel.size, to: &stream)
      try await stream.write(TarStream.padding(after: wheel.size))
    }
    try await stream.write(TarStream.end)
    try await shell.sandbox.closeInput(of: id)
    for try await case .exited(let exit) in shell.sandbox.output(of: id, from: StreamOffsets(), window: 1 << 16) {
      guard exit.succeeded else {
        throw RookeryError(
          .sandboxFailed, "The packages could not be unpacked in the sandbox (\(exit.text)).", mend: "Check free disk space.")
      }
    }
  }

  private func send(_ path: String, size: Int, to stream: inout ProcessInput) async throws {
    var offset = 0
    while offset < size {
      let from = offset
      let bytes = try await BlockingThread.run(name: "wheel-read") {
        let file = try FileHandle(forReadingFrom: URL(fileURLWithPath: path))
        defer { try? file.close() }
        try file.seek(toOffset: UInt64(from))
        return try file.read(upToCount: min(16 * Self.chunk, size - from)).map { [UInt8]($0) } ?? []
      }
      guard !bytes.isEmpty else {
        throw RookeryError(.internal, "A downloaded package became shorter.", mend: "Try again.", context: path)
      }
      for start in stride(from: 0, to: bytes.count, by: Self.chunk) {
        try await stream.write(Array(bytes[start..<min(start + Self.chunk, bytes.count)]))
      }
      offset += bytes.count
    }
  }

  private func root(_ argv: [String]) async throws {
    try await shell.require(program(argv), step: "install") { exit in
      RookeryError(
        .agentFailed, "Installing “\(definition.name)” failed (\(exit.text)).", mend: "The log has the installer's words.",
        context: argv.joined(separator: " "))
    }
  }

  private func program(_ argv: [String]) -> BuildShell.Program {
    BuildShell.Program(argv: argv, account: .root, environment: ["PIP_ROOT_USER_ACTION": "ignore", "PIP_DISABLE_PIP_VERSION_CHECK": "1"])
  }

  private func agent(_ argv: [String]) -> BuildShell.Program {
    BuildShell.Program(argv: argv, account: .agent, directory: "/home/agent")
  }
}
