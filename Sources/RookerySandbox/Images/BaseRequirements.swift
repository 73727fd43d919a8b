import RookeryModel

/// What every root filesystem needs for images to be built on it.
struct BaseRequirements: Sendable {
  let base: BaseName

  private static let script = #"""
    missing=
    command -v git >/dev/null || missing="$missing git"
    [ -s /etc/ssl/certs/ca-certificates.crt ] || [ -s /etc/ssl/cert.pem ] || missing="$missing ca-certificates"
    command -v install find chown >/dev/null || missing="$missing coreutils and findutils"
    [ "$(stat -c %u /home/agent 2>/dev/null)" = 1000 ] || missing="$missing the user agent (uid 1000, /home/agent)"
    [ -z "$missing" ] || { echo "$missing"; exit 1; }
    """#

  /// Throws `hostUnsupported` with what is missing.
  func check(_ shell: BuildShell) async throws {
    let program = BuildShell.Program(argv: ["/bin/sh", "-c", Self.script], account: .root)
    let result = try await shell.capture(program, limit: 4096)
    guard !result.exit.succeeded else { return }
    let missing = PlainText.line(result.output.split(separator: "\n").last ?? " what a shell needs")
    throw RookeryError(
      .hostUnsupported, "The base “\(base)” lacks\(missing).", mend: "Install that in it and add it again: “rookery base add”.")
  }
}
