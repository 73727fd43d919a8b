import Foundation
import RookeryConfiguration
import RookeryModel
import RookeryRehearsal
import RookeryStore
import RookeryTestSupport
import Testing

@testable import RookerySandbox

/// The builder by itself, and everything that an environment file can ask of it.
@Suite(.serialized) struct ImageScheduleTests {
  @Test func theScheduleBuildsWhatChangedAndNothingElse() async throws {
    try await SandboxStack.with(adjust: { configuration, _ in configuration.images.intervalSeconds = 1 }) { stack in
      try await stack.git.makeRepository("app", files: ["a": "1"])
      _ = try await stack.add()
      try await eventually { try await stack.repositories.get(stack.name).image != nil }
      let first = try #require(try await stack.repositories.get(stack.name).lastBuild)
      #expect(first.reason == .schedule)
      // Looks go on, and cost no build.
      let next = try await stack.repositories.get(stack.name).nextLook
      try await eventually { try await stack.repositories.get(stack.name).nextLook.map { $0 > next ?? .distantPast } == true }
      #expect(try await stack.repositories.get(stack.name).lastBuild?.image == first.image)
      // One that is gone from its server fails, visibly, and delays nobody.
      try await stack.git.makeRepository("gone")
      let gone = try RepositoryName("gone")
      try await stack.registry.insert(
        Repository(name: gone, url: stack.git.url(for: "nowhere"), defaultBranch: "main", added: Date()))
      try await stack.push(["a": "2"])
      try await eventually { try await stack.repositories.get(stack.name).image?.id != first.image }
      try await eventually { try await stack.repositories.get(gone).failures ?? 0 >= 2 }
      #expect(try await stack.repositories.get(gone).lastBuild?.error?.code == .repositoryUnreachable)
      #expect(try await stack.repositories.get(stack.name).failures == nil)
    }
  }

  @Test func anUnchangedTipBuildsNothingUnlessForced() async throws {
    try await SandboxStack.with { stack in
      try await stack.git.makeRepository("app", files: ["a": "1"])
      _ = try await stack.add()
      let (first, _) = try await stack.repositories.image(for: stack.name)
      let again = try await stack.built()
      #expect(again.build.state == .unchanged)
      #expect(again.lines.contains { $0.text.contains("Nothing changed") })
      #expect(try await stack.repositories.image(for: stack.name).0 == first)
      #expect(try await stack.provider.images().map(\.id) == [first.id])
      let forced = try await stack.built(force: true)
      #expect(forced.build.state == .succeeded)
      let second = try await stack.repositories.image(for: stack.name).0
      #expect(second.parent == .base(SandboxStack.base))
      let shown = try await stack.repositories.images()
      #expect(shown.images.map(\.id) == [second.id, first.id], "an earlier one is kept")
      #expect(shown.images.map(\.serves) == [true, false])
      #expect(shown.images.allSatisfy { $0.sizeMB > 0 && $0.depth == 1 })
      #expect(shown.diskFreeMB ?? 0 > 0)
    }
  }

  @Test func setupRunsAgainOnlyWhenItsInputsChange() async throws {
    try await SandboxStack.with(adjust: { configuration, _ in configuration.images.keep = 0 }) { stack in
      let file = """
        setup: ["echo run >> /var/lib/setup-runs"]
        inputs: [deps.lock, tools]
        build: ["id -u; cat deps.lock > .built; echo run >> .builds"]
        warm: ["test -e .built && echo warmed"]
        """
      try await stack.git.makeRepository(
        "app", files: [EnvironmentFile.path: file, "deps.lock": "1", "a": "1", ".gitignore": ".built\n.builds\n"])
      _ = try await stack.add()
      let (first, _) = try await stack.repositories.image(for: stack.name)
      try await stack.push(["a": "2"])
      let second = try await stack.built()
      #expect(second.build.state == .succeeded, "\(String(describing: second.build.error))")
      #expect(!second.lines.contains { $0.step.hasPrefix("setup") })
      #expect(second.lines.contains { $0.step == "build 1/1" && $0.text == "1000" }, "build runs as the agent's user")
      #expect(second.lines.contains { $0.step == "warm 1/1" && $0.text == "warmed" })
      try await stack.push(["deps.lock": "2"])
      let third = try await stack.built()
      #expect(third.lines.contains { $0.step == "setup 1/1" })
      let (manifest, _) = try await stack.repositories.image(for: stack.name)
      let seen = try await stack.inside(
        .image(manifest.id),
        "wc -l < /var/lib/setup-runs; cd /workspace/\(stack.name); wc -l < .builds; cat .built; echo; stat -c %u .builds")
      #expect(seen.output.split(separator: "\n").map { $0.trimmingCharacters(in: .whitespaces) } == ["2", "3", "2", "1000"])
      // Earlier images stay only as far as they are stood upon.
      #expect(Set(try await stack.provider.images().map(\.id)).isSuperset(of: [first.id, manifest.id]))
    }
  }

  @Test func servicesRunWhileBuildAndWarmDo() async throws {
    try await SandboxStack.with { stack in
      let file = """
        start:
          - name: web
            run: exec python3 -m http.server 8123 --directory /etc
            ready: {port: 8123}
        build: ["python3 -c 'import urllib.request as u; print(len(u.urlopen(\\"http://127.0.0.1:8123/hostname\\").read()))'"]
        """
      try await stack.git.makeRepository("app", files: [EnvironmentFile.path: file])
      _ = try await stack.add()
      let built = try await stack.built()
      #expect(built.build.state == .succeeded, "\(String(describing: built.build.error)) \(built.lines.map(\.text))")
      #expect(built.lines.contains { $0.step == "start" && $0.text == "web is ready" })
      #expect(built.lines.contains { $0.step == "build 1/1" && $0.text == "8" })
      // It keeps its log under /var/log while it runs, and is gone with it.
      let manifest = try await stack.repositories.image(for: stack.name).0
      let seen = try await stack.inside(.image(manifest.id), "ls /var/log/rookery 2>&1 | wc -l; ls -a /workspace/\(stack.name)")
      #expect(!seen.output.contains("service"))

      try await stack.push([
        EnvironmentFile.path: file.replacing("port: 8123", with: "port: 1").replacing("ready:", with: "timeout_seconds: 1\n    ready:")
      ])
      let failed = try await stack.built()
      #expect(failed.build.error?.code == .setupFailed)
      #expect(failed.build.error?.message.contains("“web”") == true)
    }
  }

  @Test func aWarmCommandThatDoesNotEndIsEnded() async throws {
    try await SandboxStack.with(adjust: { configuration, _ in configuration.images.commandSeconds = 1 }) { stack in
      try await stack.git.makeRepository("app", files: [EnvironmentFile.path: "warm: [sleep 1000]\n"])
      _ = try await stack.add()
      let failed = try await stack.built()
      #expect(failed.build.error?.code == .setupFailed)
      #expect(failed.build.error?.message.contains("longer than 1 seconds") == true)
      #expect(try await stack.provider.list().isEmpty)
    }
  }

  @Test func whatTheMachineLacksIsNamed() async throws {
    try await SandboxStack.with { stack in
      try await stack.git.makeRepository("app", files: [EnvironmentFile.path: "packages: {npm: [left-pad]}\n"])
      _ = try await stack.add()
      #expect(try await stack.built().build.error?.message.contains("has no npm") == true)
      try await stack.push([EnvironmentFile.path: "base: no-such-base\n"])
      let failed = try await stack.built()
      #expect(failed.build.error?.code == .environmentInvalid)
      #expect(failed.build.error?.message.contains("no-such-base") == true)
    }
  }

  @Test func aDevelopmentContainersFileIsHonoured() async throws {
    try await SandboxStack.with { stack in
      let json = """
        { // ours
          "image": "mcr.example/base", "postCreateCommand": ["sh", "-c", "echo made by $WHO"], "containerEnv": {"WHO": "setup"},
          "forwardPorts": [3000], }
        """
      try await stack.git.makeRepository("app", files: [DevContainer.path: json])
      _ = try await stack.add()
      let built = try await stack.built()
      #expect(built.build.state == .succeeded, "\(String(describing: built.build.error))")
      #expect(built.lines.contains { $0.step == "setup 1/1" && $0.text == "made by setup" })
      #expect(built.lines.contains { $0.text.contains("“image” is ignored") })
      #expect(try await stack.repositories.image(for: stack.name).1.ports == [3000])
    }
  }

  @Test func requestsAreAnsweredInTheLogAndKept() async throws {
    try await SandboxStack.with { stack in
      try await stack.git.makeRepository(
        "app", files: [EnvironmentFile.path: "hosts: [evil.example]\nlimits: {memory_mb: 4096, cpus: 1}\n"])
      _ = try await stack.add()
      let built = try await stack.built()
      #expect(built.lines.contains { $0.text.hasPrefix("asks for host evil.example: refused") })
      let requests = try #require(try await stack.repositories.get(stack.name).requests)
      #expect(requests.map(\.isGranted) == [false, false, true])
    }
  }

  @Test func lowDiskStopsBuilds() async throws {
    try await SandboxStack.with(adjust: { configuration, _ in configuration.images.minFreeMB = .max }) { stack in
      try await stack.git.makeRepository("app")
      _ = try await stack.add()
      let failed = try await stack.built()
      #expect(failed.build.error?.code == .diskFull)
      #expect(try await stack.provider.images().isEmpty)
    }
  }

  @Test func aDeepStackIsBuiltAnewFromItsBase() async throws {
    try await SandboxStack.with(adjust: { configuration, _ in configuration.images.layers = 2 }) { stack in
      try await stack.git.makeRepository("app", files: ["a": "0"])
      _ = try await stack.add()
      var parents: [Bool] = []
      for number in 1...3 {
        try await stack.push(["a": "\(number)"])
        #expect(try await stack.built().build.state == .succeeded)
        parents.append(try await stack.repositories.image(for: stack.name).0.parent == .base(SandboxStack.base))
      }
      #expect(parents == [true, false, true])
    }
  }
}
