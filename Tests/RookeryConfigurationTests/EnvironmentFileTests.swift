import Foundation
import RookeryModel
import Testing

@testable import RookeryConfiguration

@Suite struct EnvironmentFileTests {
  @Test func readsEverything() throws {
    let file = try EnvironmentFile.parse(
      yaml: """
        setup:
          - make deps
          - |
            cat *.c > all.c
            echo done && true
        env:
          MODE: test
          VERSION: 1.10
          FLAG: yes
        agent: agentao
        limits: {memory_mb: 1024, cpus: 0.5}
        """)
    #expect(file.setup == ["make deps", "cat *.c > all.c\necho done && true"] || file.setup.last == "cat *.c > all.c\necho done && true\n")
    #expect(file.env == ["MODE": "test", "VERSION": "1.10", "FLAG": "yes"])
    #expect(file.agent?.rawValue == "agentao")
    #expect(file.limits?.memoryMB == 1024)
    #expect(file.limits?.cpus == 0.5)
    #expect(file.limits?.diskMB == nil)
  }

  @Test func readsPackagesServicesAndRequests() throws {
    let file = try EnvironmentFile.parse(
      yaml: """
        base: debian-bookworm
        packages: {apt: [libpq-dev, "gcc=4:12.2.0-3"], pip: ["ruff==0.6.1", "uvicorn[standard]>=0.3"], npm: ["@scope/tool@2", pnpm]}
        inputs: [package-lock.json, tools/deps]
        build: [npm ci]
        warm: [npm test]
        start:
          - {name: db, run: postgres -D /data, ready: {port: 5432}, timeout_seconds: 90, user: root}
          - {name: web, run: npm start, ready: {command: curl -f localhost:3000}}
        secrets: [{name: NPM_TOKEN, hosts: [registry.npmjs.org]}, {name: SENTRY, exposed: true}]
        hosts: [pypi.org, "*.Example.org", "git.internal:8443"]
        ports: [3000]
        """)
    #expect(file.base?.rawValue == "debian-bookworm")
    #expect(file.packages.apt == ["libpq-dev", "gcc=4:12.2.0-3"])
    #expect(file.packages.pip == ["ruff==0.6.1", "uvicorn[standard]>=0.3"])
    #expect(file.packages.npm == ["@scope/tool@2", "pnpm"])
    #expect(file.inputs == ["package-lock.json", "tools/deps"])
    #expect(file.build == ["npm ci"] && file.warm == ["npm test"])
    #expect(
      file.start == [
        .init(name: "db", command: "postgres -D /data", ready: .port(5432), timeoutSeconds: 90, root: true),
        .init(name: "web", command: "npm start", ready: .command("curl -f localhost:3000")),
      ])
    #expect(file.secrets == [.init(name: "NPM_TOKEN", hosts: ["registry.npmjs.org"]), .init(name: "SENTRY", hosts: [], exposed: true)])
    #expect(file.hosts == ["pypi.org", "*.example.org", "git.internal:8443"])
    #expect(file.ports == [3000])
  }

  @Test(arguments: [
    ("packages: {apt: [--force]}", "packages.apt[0]"), ("packages: {apt: ['a; b']}", "package"), ("packages: {pip: ['-r x']}", "package"),
    ("packages: {pip: ['a @ file:///etc']}", "package"), ("packages: {npm: ['../x']}", "package"), ("packages: {atp: []}", "“apt”"),
    ("inputs: [../x]", "inputs[0]"), ("inputs: [/etc]", "inputs[0]"), ("inputs: [':(glob)x']", "inputs[0]"),
    ("start: [{name: a, run: b}]", "“ready”"), ("start: [{name: a, run: b, ready: {}}]", "either"),
    ("start: [{name: a, run: b, ready: {port: 1, command: c}}]", "either"), ("start: [{name: A, run: b, ready: {port: 1}}]", "name"),
    ("start: [{name: a, run: b, ready: {port: 1}, user: nobody}]", "“root”"), ("start: [{nam: a, run: b, ready: {port: 1}}]", "“name”"),
    ("start: [{name: a, run: b, ready: {port: 1}}, {name: a, run: b, ready: {port: 1}}]", "second time"),
    ("secrets: [{name: A}]", "hosts"), ("secrets: [{name: 1A, exposed: true}]", "variable"),
    ("secrets: [{name: A, exposed: maybe}]", "true or false"), ("hosts: ['*']", "host"), ("hosts: ['*.com']", "host"),
    ("hosts: ['a:b']", "host"), ("hosts: ['https://a']", "host"), ("hosts: ['a:0']", "host"), ("ports: [0]", "1 to"),
    ("base: '/x'", "base"),
  ])
  func refusesRequests(yaml: String, says: String) throws {
    let error = try #require(throws: RookeryError.self) { try EnvironmentFile.parse(yaml: yaml) }
    #expect(error.code == .environmentInvalid)
    #expect(error.description.contains(says), "\(error)")
  }

  @Test(arguments: ["", "\n", "# comment\n", "{}"])
  func nothingIsTheDefault(yaml: String) throws {
    #expect(try EnvironmentFile.parse(yaml: yaml) == EnvironmentFile())
  }

  @Test(arguments: [
    ("stup: [a]", "“setup”"), ("setup: make", "list"), ("setup: [[a]]", "setup[0]"), ("setup: ['']", "empty"),
    ("setup: [\"a\\0b\"]", "NUL"), ("env: {1A: x}", "environment variable"), ("env: {A: [x]}", "env.A"), ("env: {A: }", "env.A"),
    ("agent: Bad Name", "agent"), ("limits: {memory_mb: -1}", "64 to"), ("limits: {cpus: lots}", "limits.cpus"), ("- a", "mapping"),
    ("just text", "mapping"), ("setup: [a]\nsetup: [b]", "twice"), ("? [a]\n: b", "key"), ("a: &x\nb: *y", "YAML"),
  ])
  func refuses(yaml: String, says: String) throws {
    let error = try #require(throws: RookeryError.self) { try EnvironmentFile.parse(yaml: yaml) }
    #expect(error.code == .environmentInvalid)
    #expect(error.description.contains(says), "\(error)")
    #expect(error.message.hasPrefix(EnvironmentFile.path))
  }

  /// Texts that would cost a careless reader its memory or its stack.
  @Test(arguments: [
    "a: " + String(repeating: "[", count: 60_000), String(repeating: "- ", count: 60_000),
    String(repeating: "{a: ", count: 60_000), "setup: ['" + String(repeating: "x", count: 300_000) + "']",
    "a: &a [x,x,x,x,x,x,x,x,x]\n"
      + zip("abcdefghi", "bcdefghij").map { "\($1): &\($1) [*\($0),*\($0),*\($0),*\($0),*\($0)]" }.joined(separator: "\n"),
    "a: &a [x,x]\n" + zip("abcdefgh", "bcdefghi").map { "\($1): &\($1) {? *\($0) : *\($0)}" }.joined(separator: "\n"),
  ])
  func refusesBombsQuickly(yaml: String) throws {
    let start = ContinuousClock.now
    #expect(throws: RookeryError.self) { try EnvironmentFile.parse(yaml: yaml) }
    #expect(ContinuousClock.now - start < .seconds(20))
  }

  /// Kept beside an image and read back.
  @Test func survivesEncoding() throws {
    let file = try EnvironmentFile.parse(yaml: "setup: [a]\nlimits: {cpus: 2}\n")
    #expect(try JSON.decode(EnvironmentFile.self, from: JSON.encode(file)) == file)
  }
}
