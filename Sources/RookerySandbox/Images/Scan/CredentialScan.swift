import Foundation
import RookeryModel
import RookeryRunner

/// Looks through what a sandbox wrote before it is kept as an image or a snapshot, and refuses credentials.
///
/// It runs inside the sandbox, by the runner's own program, as root: nothing outside opens a hostile file. It is told fingerprints,
/// never secrets. Everything that changed since the sandbox was made is looked through (names, links, files, what gzip and git
/// compressed), which is what its layer will hold; the layers below were looked through when they were published.
package struct CredentialScan: Sendable {
  private let canaries: Canaries
  private let markKey: [UInt8]
  private let allowed: [String]

  /// - Parameters:
  ///   - secrets: every secret that the server knows.
  ///   - markKey: random bytes, always the same for one installation.
  ///   - allowed: paths below which what only looks like a credential is an example.
  package init(secrets: [Secret], markKey: [UInt8], allowed: [String] = []) {
    canaries = Canaries(secrets)
    self.markKey = markKey
    self.allowed = allowed
  }

  /// Tells which secrets are looked for without telling anything about them: kept beside what was scanned.
  package var marks: [String] { canaries.marks(markKey) }

  /// Whether a scan with `marks` looked for everything that this one would.
  package func isCovered(by marks: [String]) -> Bool { Set(self.marks).isSubset(of: marks) }

  /// What a scan that found nothing to refuse has to say.
  package struct Report: Sendable, Equatable {
    package var files: Int
    package var bytes: Int
    /// What looks like a credential and was let pass, and why.
    package var notes: [String]
  }

  /// Looks through what changed in `sandbox` since it was made at `since`. `repository` is the working copy's directory.
  ///
  /// Throws `credentialFound` with the places, never the content, when something must not be kept; `sandboxFailed` when the scan
  /// could not be carried out: then nothing may be kept either.
  package func check(_ sandbox: any Sandbox, since: Date, repository: String?) async throws -> Report {
    // A time that another clock read may lie a little before ours.
    let start = Int(since.timeIntervalSince1970) - 2
    let orders = try orders(tree: ["since \(start)", "root /"])
    let found = try Self.findings(
      try await sandbox.run(Self.process([Self.program, "scan"]), input: orders, limit: 4 << 20))
    var verdict = ScanVerdict(found, allowed: allowed)
    guard let extent = verdict.extent else { throw Self.incomplete }
    for pack in verdict.packs { try await look(into: pack, in: sandbox, &verdict) }
    var notes = verdict.notes
    for doubt in verdict.doubtful {
      if let repository, try await isTracked(doubt.path, by: repository, in: sandbox) {
        notes.append(doubt.text + ", which is part of the repository")
      } else {
        verdict.refused.append(doubt.text)
      }
      if verdict.refused.count >= Self.shown { break }
    }
    guard verdict.refused.isEmpty else { throw Self.refusal(verdict.refused) }
    return Report(files: extent.files, bytes: extent.bytes, notes: notes)
  }

  private static let program = "/run/rookery/runner"
  private static let shown = 8
  private static let environment = BuildShell.environment(of: .root).merging(
    ["HOME": "/nonexistent", "GIT_CONFIG_NOSYSTEM": "1", "GIT_CONFIG_GLOBAL": "/dev/null"]) { $1 }

  /// Lines for the scanner, with a key of their own.
  private func orders(tree: [String]) throws -> [UInt8] {
    var generator = SystemRandomNumberGenerator()
    guard let key = FingerprintKey((0..<32).map { _ in UInt8.random(in: 0...255, using: &generator) }) else { throw Self.incomplete }
    func hex(_ bytes: [UInt8]) -> String { bytes.map { String(format: "%02x", $0) }.joined() }
    let fingerprints = canaries.fingerprints(key).map { "fingerprint \($0.length) \($0.head) \(hex($0.digest)) \($0.label)" }
    return Array(((["key \(hex(key.bytes))"] + fingerprints + tree + ["go"]).joined(separator: "\n") + "\n").utf8)
  }

  private static func process(_ argv: [String]) -> ProcessSpec {
    ProcessSpec(id: .random(prefix: "scan-"), argv: argv, environment: environment, directory: "/", account: .root, input: true)
  }

  private static func findings(_ result: ProcessResult) throws -> [ScanFinding] {
    guard result.exit.succeeded, !result.truncated else {
      throw RookeryError(
        .sandboxFailed, "The search for credentials did not come to its end (\(result.exit.text)).",
        mend: "Nothing was kept. Try again; if it stays so, see the server's log.", context: String(result.errorOutput.prefix(500)))
    }
    return result.output.split(separator: "\n").compactMap { ScanFinding(String($0)) }
  }

  // MARK: Packs

  /// Looks through a pack's objects. Git unpacks them into the scanner, from a repository of our own whose only content is that
  /// directory of objects, so that no configuration of theirs is read.
  private func look(into index: String, in sandbox: any Sandbox, _ verdict: inout ScanVerdict) async throws {
    guard let end = index.range(of: "/pack/", options: .backwards)?.lowerBound else { return }
    let orders = try orders(tree: [])
    let result = try await sandbox.run(
      Self.process(["/bin/sh", "-c", Self.unpack, "scan", index, String(index[..<end]), Self.program]), input: orders, limit: 1 << 20)
    let found = try Self.findings(result)
    let isWhole = result.errorOutput.hasSuffix("unpacked 0\n")
    let packVerdict = ScanVerdict(found, allowed: allowed)
    guard packVerdict.extent != nil else { throw Self.incomplete }
    verdict.refused += packVerdict.refused
    // What people pushed is theirs to see: only the server's own secrets are refused there.
    verdict.notes += packVerdict.doubtful.map(\.text) + packVerdict.notes
    if !isWhole { verdict.doubtful.append(("objects of \(index) that git can't unpack", index)) }
  }

  private static let unpack = #"""
    exec 3<&0 </dev/null
    place=/run/rookery-scan.git
    [ -d "$place" ] || git init --quiet --bare --template= "$place" >&2 || exit 3
    export GIT_ALTERNATE_OBJECT_DIRECTORIES="$2"
    {
      git show-index <"$1" >"$place/list" && cut -d" " -f2 <"$place/list" | git --git-dir="$place" cat-file --batch --buffer 3<&-
      echo "unpacked $?" >&2
    } | "$3" scan --stream /dev/fd/3 "$1"
    """#

  /// Whether a file is, as it stands, part of what the repository's people committed.
  private func isTracked(_ path: String, by repository: String, in sandbox: any Sandbox) async throws -> Bool {
    guard path.hasPrefix(repository + "/"), !path.hasPrefix(repository + "/.git/") else { return false }
    let result = try await sandbox.run(
      ProcessSpec(
        id: .random(prefix: "scan-"),
        argv: [
          "/bin/sh", "-c",
          #"cd "$1" && git -c core.fsmonitor=false ls-files --error-unmatch -- "$2" >/dev/null 2>&1 && git -c core.fsmonitor=false diff --no-ext-diff --no-textconv --quiet HEAD -- "$2""#,
          "scan", repository, ":(literal)" + path.dropFirst(repository.count + 1),
        ],
        environment: BuildShell.environment(of: .agent), directory: "/", account: .agent), limit: 64 << 10)
    return result.exit.succeeded
  }

  private static let incomplete = RookeryError(
    .sandboxFailed, "The search for credentials did not come to its end.", mend: "Nothing was kept. Try again.")

  private static func refusal(_ places: [String]) -> RookeryError {
    let listed = places.prefix(shown).map { PlainText.line($0.prefix(300)) }.joined(separator: "; ")
    return RookeryError(
      .credentialFound, "There are credentials in it: \(listed)\(places.count > shown ? "; and more" : "").",
      mend: "Let no command write them, or remove them in the last one. What is only an example can be allowed: “images: scan_allow:”.")
  }
}

extension Sandbox {
  /// As `run`, with bytes for the process's standard input.
  func run(_ process: ProcessSpec, input: [UInt8], limit: Int) async throws -> ProcessResult {
    try await start(process)
    return try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask {
        var stdin = ProcessInput(sandbox: self, process: process.id)
        try await stdin.write(input)
        try await closeInput(of: process.id)
      }
      let result = try await run(process, limit: limit)
      // A process that ended early takes no more input.
      try? await group.waitForAll()
      return result
    }
  }
}
