import Foundation
import RookeryControl
import RookeryModel

/// Makes the root filesystem that sandboxes start from: a small Debian, its files owned by the sandboxes' id range.
package struct BaseMaker: Sendable {
  /// What is installed beside Debian's minimal system: what agents and repositories' scripts expect to find.
  package static let packages = [
    "ca-certificates", "curl", "diffutils", "file", "git", "jq", "less", "make", "patch", "procps", "python3", "python3-pip",
    "python3-venv", "unzip", "xz-utils",
  ]

  private let cacheDirectory: String
  private let suite: String

  /// `suite`: a Debian release by name.
  package init(cacheDirectory: String, suite: String = "bookworm") {
    self.cacheDirectory = cacheDirectory
    self.suite = suite
  }

  /// Makes the base `name` unless it exists; about a minute and 400 MB. `progress` gets a line for each step.
  ///
  /// A base appears whole or not at all. Two makers at once: the second waits for the first. Needs root, mmdebstrap and the
  /// package mirror. Throws `hostUnsupported` with the reason.
  package func make(_ name: BaseName, progress: @escaping @Sendable (String) -> Void) async throws {
    try await BlockingThread.run(name: "base-make") { try makeBlocking(name, progress: progress) }
  }

  private func makeBlocking(_ name: BaseName, progress: @Sendable (String) -> Void) throws {
    let store = try BaseStore(cacheDirectory: cacheDirectory, progress: progress)
    guard try !store.contains(name) else { return progress("The base \(name) is there.") }
    progress("Installing Debian \(suite) with \(Self.packages.count) packages (about a minute).")
    try store.add(name, origin: "debian \(suite)", progress: progress) { try bootstrap($0, progress: progress) }
  }

  private func bootstrap(_ target: String, progress: @Sendable (String) -> Void) throws {
    let command = DebianBootstrap(
      suite: suite, packages: Self.packages, target: target,
      hooks: [
        #"chroot "$1" useradd --uid 1000 --user-group --create-home --shell /bin/bash agent"#,
        #"mkdir -p "$1/workspace" "$1/opt/rookery/agents" && chown 1000:1000 "$1/workspace""#,
      ])
    try command.run(progress: progress)
  }
}
