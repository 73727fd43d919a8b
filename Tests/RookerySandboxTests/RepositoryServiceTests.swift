import Foundation
import Logging
import RookeryConfiguration
import RookeryModel
import RookeryRehearsal
import RookeryStore
import RookeryTestSupport
import Testing

@testable import RookerySandbox

/// Repositories and their images over a real host, gateway and git server.
@Suite(.serialized) struct RepositoryServiceTests {
  private static let environment = """
    setup:
      - echo "$GREETING" > built.txt; id -u; touch /usr/local/bin/tool
      - git describe --always && rm -f built.txt
    env:
      GREETING: hello
    """

  @Test func anImageHoldsTheRepositoryAtItsCommitAndNoCredential() async throws {
    try await SandboxStack.with { stack in
      try await stack.git.makeRepository("app", files: [EnvironmentFile.path: Self.environment, "src/main.py": "print(1)\n"])
      let added = try await stack.add()
      #expect(added.defaultBranch == "main")
      let (manifest, environment) = try await stack.repositories.image(for: stack.name)
      let tip = try #require(try await stack.git.refs(of: "app")["refs/heads/main"])
      #expect(manifest.commit == tip)
      #expect(manifest.parent == .base(SandboxStack.base))
      #expect(environment.setup.count == 2)
      #expect(environment.env == ["GREETING": "hello"])
      let repository = try await stack.repositories.get(stack.name)
      #expect(repository.image?.id == manifest.id)
      #expect(repository.lastBuild?.state == .succeeded)

      let log = try await stack.repositories.buildLog(stack.name, after: 0, wait: .zero)
      #expect(log.lines.map(\.number) == Array(1...log.lines.count))
      #expect(Set(log.lines.map(\.step)) == ["prepare", "clone", "setup 1/2", "setup 2/2", "finalise", "scan"])
      #expect(log.lines.contains { $0.step == "setup 1/2" && $0.text == "0" }, "setup runs as root")

      let seen = try await stack.inside(
        .image(manifest.id),
        """
        cd /workspace/\(stack.name) && git config remote.origin.url && git rev-parse HEAD && git branch --show-current \
        && git status --porcelain && git rev-parse --abbrev-ref main@{upstream} && stat -c %u . src/main.py .git/HEAD \
        && ls /usr/local/bin/tool && cat src/main.py && find /tmp /var/tmp -type f && git log --oneline | wc -l
        """)
      let expected = [
        stack.git.url(for: "app"), tip, "main", "origin/main", "1000", "1000", "1000", "/usr/local/bin/tool", "print(1)", "2",
      ]
      #expect(seen.output.split(separator: "\n").map(String.init) == expected, "\(seen.errorOutput)")

      #expect(try await stack.files(holding: "print(1)") != "", "the search itself works")
      let password = SandboxStack.credential.password
      #expect(try await stack.files(holding: password) == "")
      let token = Data("\(SandboxStack.credential.user):\(password)".utf8).base64EncodedString()
      #expect(try await stack.files(holding: token) == "")
      #expect(try await stack.provider.list().isEmpty, "the build's sandbox is gone")
    }
  }

  @Test func aFailingSetupKeepsItsLogAndTheEarlierImage() async throws {
    try await SandboxStack.with { stack in
      try await stack.git.makeRepository("app")
      _ = try await stack.add()
      let (first, _) = try await stack.repositories.image(for: stack.name)
      try await stack.push([EnvironmentFile.path: "setup:\n  - \"echo before; echo oops >&2; exit 7\"\n"])
      let failed = try await stack.built()
      #expect(failed.build.state == .failed)
      #expect(failed.build.error?.code == .setupFailed)
      #expect(failed.build.error?.message.contains("exit 7") == true)
      #expect(failed.build.error?.message.contains("echo before") == true)
      #expect(failed.lines.contains { $0.step == "setup 1/1" && $0.text == "oops" })
      #expect(try await stack.repositories.image(for: stack.name).0 == first)
      #expect(try await stack.repositories.get(stack.name).lastBuild?.error?.code == .setupFailed)

      try await stack.push([EnvironmentFile.path: "setup:\n  - \"true\"\n"])
      #expect(try await stack.built().build.state == .succeeded)
      #expect(try await stack.repositories.image(for: stack.name).0.id != first.id)
    }
  }

  @Test func aSecondBuildStartsFromTheFirstWhenTheEnvironmentIsTheSame() async throws {
    try await SandboxStack.with { stack in
      let setup = "setup:\n  - echo run >> .cache; wc -l < .cache\n"
      try await stack.git.makeRepository("app", files: [EnvironmentFile.path: setup, ".gitignore": ".cache\n", "old": "1", "kept": "1"])
      _ = try await stack.add()
      let (first, _) = try await stack.repositories.image(for: stack.name)
      try await stack.push(["old": nil, "new": "2"])
      let second = try await stack.built()
      #expect(second.build.state == .succeeded)
      #expect(second.lines.contains { $0.step == "setup 1/1" && $0.text == "2" }, "setup ran again where it had run")
      let (manifest, _) = try await stack.repositories.image(for: stack.name)
      #expect(manifest.parent == .image(first.id))
      let seen = try await stack.inside(
        .image(manifest.id),
        "cd /workspace/\(stack.name) && ls kept new old; git rev-parse HEAD && git status --porcelain && stat -c %u new .cache")
      #expect(
        seen.output.split(separator: "\n").map(String.init) == ["kept", "new", manifest.commit, "1000", "1000"], "\(seen.errorOutput)")

      // Another environment starts from the base again.
      try await stack.push([EnvironmentFile.path: setup + "env:\n  A: b\n"])
      let third = try await stack.built()
      #expect(third.lines.contains { $0.step == "setup 1/1" && $0.text == "1" })
      #expect(try await stack.repositories.image(for: stack.name).0.parent == .base(SandboxStack.base))
    }
  }

  @Test func buildersJoinOneBuildAndReadersFollowIt() async throws {
    try await SandboxStack.with { stack in
      try await stack.git.makeRepository(
        "app", files: [EnvironmentFile.path: "setup:\n  - for i in 1 2 3 4 5; do echo line $i; sleep 0.2; done\n"])
      _ = try await stack.add()
      let summaries = try await withThrowingTaskGroup(of: ImageID.self) { group in
        for _ in 0..<4 { group.addTask { try await stack.repositories.build(stack.name).image } }
        for _ in 0..<2 { group.addTask { try await stack.repositories.image(for: stack.name).0.id } }
        group.addTask { try await stack.built().build.image }
        return try await group.reduce(into: []) { $0.append($1) }
      }
      #expect(Set(summaries).count == 1)
      let log = try await stack.repositories.buildLog(stack.name, after: 0, wait: .seconds(30))
      #expect(log.lines.filter { $0.text.hasPrefix("line ") }.map(\.text) == (1...5).map { "line \($0)" })
    }
  }

  @Test func removingARepositoryEndsItsBuildAndItsImages() async throws {
    try await SandboxStack.with { stack in
      try await stack.git.makeRepository("app", files: [EnvironmentFile.path: "setup:\n  - \"test -e go || sleep 300\"\n", "go": ""])
      _ = try await stack.add()
      _ = try await stack.repositories.image(for: stack.name)
      try await stack.push(["go": nil])
      _ = try await stack.repositories.build(stack.name)
      try await eventually {
        try await stack.repositories.buildLog(stack.name, after: 0, wait: .seconds(5)).lines.contains { $0.text.hasPrefix("$ test") }
      }
      try await stack.repositories.remove(stack.name)
      #expect(try await stack.provider.list().isEmpty)
      #expect(try await stack.provider.images().isEmpty)
      let error = await #expect(throws: RookeryError.self) { try await stack.repositories.get(stack.name) }
      #expect(error?.code == .repositoryUnknown)
      let build = await #expect(throws: RookeryError.self) { try await stack.repositories.build(stack.name) }
      #expect(build?.code == .repositoryUnknown)
    }
  }

  @Test func whatCannotBeAddedSaysWhy() async throws {
    try await SandboxStack.with { stack in
      try await stack.git.makeRepository("app")
      try await stack.git.makeRepository("empty", files: [:])
      func code(_ request: API.AddRepository) async -> ErrorCode? {
        await #expect(throws: RookeryError.self) { try await stack.repositories.add(request) }?.code
      }
      let url = stack.git.url(for: "app")
      #expect(await code(.init(name: stack.name, url: stack.git.url(for: "empty"))) == .repositoryEmpty)
      #expect(await code(.init(name: stack.name, url: stack.git.url(for: "missing"))) == .repositoryUnreachable)
      #expect(await code(.init(name: stack.name, url: url, defaultBranch: "other")) == .conflict)
      #expect(await code(.init(name: stack.name, url: url, defaultBranch: "-x")) == .badRequest)
      #expect(await code(.init(name: stack.name, url: "http://u:p@127.0.0.1/x")) == .badRequest)
      #expect(await code(.init(name: stack.name, url: "http://127.0.0.1:9/x")) == .badRequest, "a credential in the clear")
      // Another name has no credential.
      let other = try RepositoryName("other")
      #expect(await code(.init(name: other, url: url)) == .repositoryUnreachable)
      #expect(await code(.init(name: other, url: "http://127.0.0.1:9/x")) == .repositoryUnreachable)
      #expect(try await stack.repositories.list().isEmpty)
      _ = try await stack.add()
      #expect(await code(.init(name: stack.name, url: url)) == .conflict)
    }
  }

  @Test func aBuildThatACrashLeftIsMarkedFailedAtTheNextStart() async throws {
    try await SandboxStack.with { stack in
      try await stack.git.makeRepository("app")
      let repository = try await stack.add()
      try await stack.registry.beginBuild(.random(prefix: "i-"), of: repository.name, at: Date())
      let left = try await stack.provider.create(
        CreateSandbox(
          id: .random(prefix: ImageBuilder.sandboxPrefix), source: .base(SandboxStack.base), limits: Limits(memoryMB: 256), bundles: []))
      let next = try RepositoryService(
        registry: stack.registry, provider: stack.provider, gateway: stack.gateway, configuration: Configuration(),
        authority: InstallationAuthority(),
        logger: .init(label: "t"))
      let run = Task { try await next.run() }
      try await eventually { try await stack.repositories.get(stack.name).lastBuild?.state == .failed }
      try await eventually { try await stack.provider.attach(left.id) == nil }
      run.cancel()
      _ = await run.result
      let error = try await stack.repositories.get(stack.name).lastBuild?.error
      #expect(error?.code == .interrupted)
      #expect(error?.message.contains("server stopped") == true)
    }
  }

  @Test func aMemoryBombInSetupIsNamed() async throws {
    let limits = Limits(memoryMB: 256, cpus: 2, processes: 256, diskMB: 1024, runtimeSeconds: 300)
    try await SandboxStack.with(limits: limits) { stack in
      try await stack.git.makeRepository("app", files: [EnvironmentFile.path: "setup:\n  - python3 -c 'x = bytearray(1 << 30)'\n"])
      _ = try await stack.add()
      let failed = try await stack.built()
      #expect(failed.build.error?.code == .setupFailed)
      #expect(failed.build.error?.message.contains("memory limit") == true, "\(String(describing: failed.build.error))")
      #expect(try await stack.provider.list().isEmpty)
    }
  }
}
