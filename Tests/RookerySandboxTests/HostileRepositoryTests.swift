import Foundation
import RookeryConfiguration
import RookeryModel
import RookeryTestSupport
import Testing

@testable import RookerySandbox

/// Repositories that try to make our git run their code, or to be read as something else.
@Suite(.serialized) struct HostileRepositoryTests {
  @Test(arguments: ["file", "directory"])
  func aSymbolicLinkIsNoEnvironmentFile(_ what: String) async throws {
    try await SandboxStack.with { stack in
      try await stack.git.makeRepository("app", files: ["other/environment.yaml": "setup: [\"true\"]\n"])
      try await stack.push([:]) { work in
        if what == "file" {
          try FileManager.default.createDirectory(atPath: work.path(".rookery"), withIntermediateDirectories: true)
          try FileManager.default.createSymbolicLink(atPath: work.path(EnvironmentFile.path), withDestinationPath: "/etc/passwd")
        } else {
          try FileManager.default.createSymbolicLink(atPath: work.path(".rookery"), withDestinationPath: "other")
        }
      }
      _ = try await stack.add()
      let failed = try await stack.built()
      #expect(failed.build.error?.code == .environmentInvalid)
      #expect(try await stack.provider.list().isEmpty)
    }
  }

  @Test(arguments: ["wrong type", "unknown key", "control character", "too long", "endless alias", "NUL in a command"])
  func aBadEnvironmentFileIsTyped(_ what: String) async throws {
    let texts = [
      "wrong type": "setup: 7\n", "unknown key": "setupp: []\n", "control character": "\u{0}",
      "too long": String(repeating: "# comment\n", count: 10_000), "endless alias": "a: &a [*a]\n",
      "NUL in a command": "setup: [\"\\u0000\"]\n",
    ]
    let text = try #require(texts[what])
    try await SandboxStack.with { stack in
      try await stack.git.makeRepository("app", files: [EnvironmentFile.path: text])
      _ = try await stack.add()
      #expect(try await stack.built().build.error?.code == .environmentInvalid)
    }
  }

  /// Filters, submodules and hooks that come with a clone, and those that setup leaves in the working copy's own configuration.
  @Test func nothingOfARepositoryRunsOutsideSetup() async throws {
    try await SandboxStack.with { stack in
      let marker = "/var/lib/marker"
      let setup = """
        setup:
          - |
            cat > /usr/local/bin/mark <<'END'
            #!/bin/sh
            echo ran >> \(marker); cat
            END
            chmod 755 /usr/local/bin/mark; install -m 666 /dev/null \(marker)
            git config core.fsmonitor /usr/local/bin/mark
            git config core.hooksPath /workspace/\(stack.name)/hooks
            for hook in post-checkout post-merge reference-transaction post-index-change; do
              install -D -m 755 /usr/local/bin/mark .git/hooks/$hook
            done
            git config remote.origin.url ext::mark
            (sleep 300 > /dev/null 2>&1 &)
        """
      let files = [
        EnvironmentFile.path: setup, ".gitattributes": "* filter=evil diff=evil merge=evil\n", "hooks/post-checkout": "#!/bin/sh\nmark\n",
        ".gitmodules": "[submodule \"x\"]\n\tpath = x\n\turl = ext::mark\n", "a.txt": "a\n",
      ]
      try await stack.git.makeRepository("app", files: files)
      _ = try await stack.add()
      let (first, _) = try await stack.repositories.image(for: stack.name)
      try await stack.push(["a.txt": "b\n"])
      let second = try await stack.built()
      #expect(second.build.state == .succeeded, "\(second)")
      let (manifest, _) = try await stack.repositories.image(for: stack.name)
      #expect(manifest.parent == .image(first.id))
      let seen = try await stack.inside(.image(manifest.id), "wc -c < \(marker); cat /workspace/\(stack.name)/a.txt; pgrep -c sleep")
      #expect(seen.output == "0\nb\n0\n", "\(seen)")
    }
  }

  @Test func anEndlessLogIsBounded() async throws {
    try await SandboxStack.with { stack in
      let setup = "setup:\n  - seq 1 300000; head -c 2000000 /dev/zero | tr '\\0' x; printf '\\033[31mred\\033]0;title\\007\\n'\n"
      try await stack.git.makeRepository("app", files: [EnvironmentFile.path: setup])
      _ = try await stack.add()
      let log = try await stack.built()
      #expect(log.build.state == .succeeded)
      #expect(log.lines.count < 10_020)
      #expect(log.lines.contains { $0.text.contains("further lines of output were not kept") })
      #expect(log.lines.allSatisfy { $0.text.utf8.count < 4200 && !$0.text.contains("\u{1b}") })
    }
  }
}
