import Foundation
import Logging
import RookeryConfiguration
import RookeryModel
import RookeryTestSupport
import Testing

@testable import RookerySandbox

/// Secrets that came into a sandbox's files, looked for in a real one.
@Suite(.serialized) struct CredentialScanTests {
  private static let secret = "k9#Vx/7+pQz=TwLm0sYb"
  private static let place = "/var/lib/place"

  /// What a script leaves behind must not be kept.
  private static let refused: [(what: String, script: String)] = [
    ("plain", #"printf "a%sb" "$S" > f"#),
    ("in the middle of much", #"head -c 3000000 /dev/zero > f; printf %s "$S" >> f; head -c 9 /dev/zero >> f"#),
    ("base64", #"printf "%s" "$S" | base64 > f"#), ("base64 shifted by one", #"printf "x%s" "$S" | base64 -w0 > f"#),
    ("base64 shifted by two", #"printf "xy%sz" "$S" | base64 -w0 > f"#),
    ("hexadecimal", #"printf %s "$S" | od -An -tx1 | tr -d " \n" > f"#),
    ("percent-encoded", #"python3 -c 'import os,urllib.parse as u; print(u.quote(os.environ["S"], safe=""))' > f"#),
    ("gzip", #"printf "x%s" "$S" | gzip -9 > f.gz"#), ("a tar file, compressed", #"printf %s "$S" > f; tar czf f.tgz f; rm f"#),
    ("a file's name", #"touch "$(printf %s "$S" | base64 -w0 | tr / _)""#), ("a link", #"ln -s "$(printf %s "$S" | base64 -w0)" l"#),
    ("a loose git object", #"git init -q . && printf %s "$S" > f && git add f && rm f"#),
    (
      "a packed git object, deleted since",
      #"""
      git init -q . && printf %s "$S" > f && git add f && git -c user.name=a -c user.email=a@b commit -qm 1 && git rm -q f \
      && git -c user.name=a -c user.email=a@b commit -qm 2 && git gc -q --aggressive --prune=now && [ -z "$(find .git/objects -name '??')" ]
      """#
    ),
    (
      "a delta in a pack",
      #"""
      git init -q . && seq 20000 > f && git add f && git -c user.name=a -c user.email=a@b commit -qm 1 && printf %s "$S" >> f \
      && git -c user.name=a -c user.email=a@b commit -qam 2 && git gc -q --aggressive --prune=now
      """#
    ),
    ("git's stored credentials", "echo https://me:hunter2hunter2@git.example.org > .git-credentials"),
    ("a remote with a password", "git init -q . && git remote add o https://me:hunter2@git.example.org/x"),
    ("a credential helper", "git init -q . && git config credential.helper store"),
    ("an authorisation header", "git init -q . && git config http.https://x.example.extraheader 'Authorization: Basic bWU6aHVudGVyMg=='"),
    (".netrc", "printf 'machine x login me password hunter2\n' > .netrc"), (".npmrc", "echo '//r.example/:_authToken=0123abc' > .npmrc"),
    ("pip.conf", "mkdir pip && printf '[global]\nindex-url = https://me:hunter2@pypi.example/simple\n' > pip/pip.conf"),
    (".pypirc", "printf '[pypi]\nusername = me\npassword = hunter2\n' > .pypirc"),
    ("docker", "mkdir .docker && echo '{\"auths\": {\"r.example\": {\"auth\": \"bWU6aHVudGVyMg==\"}}}' > .docker/config.json"),
    ("aws", "mkdir .aws && printf '[default]\naws_secret_access_key = wJalrXUtnFEMIK7MDENG\n' > .aws/credentials"),
    ("a history", "echo 'export API_TOKEN=q8Zr2Lk9Wm4Xv7Tn' > .bash_history"),
    ("an environment", #"printf 'PATH=/bin\0DEPLOY_SECRET=q8Zr2Lk9Wm4Xv7Tn\0' > environ"#),
    ("a token by its form", "echo 'token: ghp_q8Zr2Lk9Wm4Xv7TnBc5Yd1Hf6Gj3Ks0PaEuI' > config.txt"),
    ("a private key", "printf -- '-----BEGIN PRIVATE KEY-----\n' > k.pem; head -c 300 /dev/urandom | base64 >> k.pem"),
  ]

  /// And these do no harm.
  private static let passed: [(what: String, script: String)] = [
    ("nothing", ":"),
    ("an example of a package", "mkdir -p node_modules/x && echo 'ghp_q8Zr2Lk9Wm4Xv7TnBc5Yd1Hf6Gj3Ks0PaEuI' > node_modules/x/t.js"),
    ("references to variables", "echo '//r.example/:_authToken=${NPM_TOKEN}' > .npmrc; echo 'https://${U}:${P}@x.example/' > pip.conf"),
    ("placeholders", "echo 'ghp_xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx' > README"), ("a hole", "truncate -s 500G big"),
    ("a named pipe", "mkfifo pipe"), ("an ordinary remote", "git init -q . && git remote add o https://git.example.org/x"),
  ]

  @Test func whatMustNotBeKeptIsRefusedAndTheRestIsNot() async throws {
    try await SandboxStack.with { stack in
      let sandbox = try await stack.provider.create(
        CreateSandbox(
          id: .random(prefix: "t-"), source: .base(SandboxStack.base), limits: Limits(memoryMB: 512, processes: 256), bundles: []))
      let made = Date()
      let scan = CredentialScan(secrets: [Secret(Self.secret)], markKey: [UInt8](repeating: 3, count: 32))
      for (what, script) in Self.refused + Self.passed {
        let result = try await sandbox.run(
          ProcessSpec(
            id: .random(prefix: "p-"), argv: ["/bin/sh", "-ec", "rm -rf \(Self.place); mkdir \(Self.place); cd \(Self.place); \(script)"],
            environment: BuildShell.environment(of: .root).merging(["S": Self.secret]) { $1 }, directory: "/", account: .root))
        try #require(result.exit.succeeded, "\(what): \(result.errorOutput)")
        let error: RookeryError?
        do {
          _ = try await scan.check(sandbox, since: made, repository: nil)
          error = nil
        } catch let failure as RookeryError { error = failure }
        if Self.refused.contains(where: { $0.what == what }) {
          #expect(error?.code == .credentialFound, "\(what): \(String(describing: error))")
          #expect(error?.message.contains(Self.place) == true, "\(what) is named by its place: \(String(describing: error))")
          #expect(error?.description.contains(Self.secret) != true)
        } else {
          #expect(error == nil, "\(what): \(String(describing: error))")
        }
      }
    }
  }

  /// The repository's own examples are its people's to judge; the same in a file that setup made is not.
  @Test func aTrackedExampleIsNotedAndAMadeOneIsRefused() async throws {
    let token = "ghp_q8Zr2Lk9Wm4Xv7TnBc5Yd1Hf6Gj3Ks0PaEuI"
    try await SandboxStack.with { stack in
      try await stack.git.makeRepository("app", files: ["fixtures/token.txt": token, EnvironmentFile.path: "setup: [\"true\"]\n"])
      _ = try await stack.add()
      let built = try await stack.built()
      #expect(built.build.state == .succeeded, "\(String(describing: built.build.error))")
      #expect(built.lines.contains { $0.step == "scan" && $0.text.contains("fixtures/token.txt") })
      try await stack.push([EnvironmentFile.path: "setup: [\"cp fixtures/token.txt other.txt\"]\n"])
      let failed = try await stack.built()
      #expect(failed.build.error?.code == .credentialFound)
      #expect(failed.build.error?.message.contains("other.txt") == true)
    }
  }

  /// The server's own secret in an image: refused, the earlier image serves on. In a layer below, which a later one hides: that layer is
  /// not built upon, so no image stands on it.
  @Test func aSecretOfTheServerFailsTheBuildAndIsNotHiddenByALaterLayer() async throws {
    let late = "a-secret-the-server-learns-later"
    let write =
      "setup: [\"test -e quiet || { printf %s a-secret-the-server- > .leak; printf %s learns-later >> .leak; }; test ! -e quiet || rm -f .leak\"]\n"
    try await SandboxStack.with { stack in
      try await stack.git.makeRepository("app", files: [EnvironmentFile.path: write, ".gitignore": ".leak\n"])
      _ = try await stack.add()
      let (first, _) = try await stack.repositories.image(for: stack.name)

      var configuration = stack.repositories.configuration
      var other = Configuration.RepositorySettings()
      other.gitToken = Secret(late)
      configuration.repositories[try RepositoryName("other")] = other
      let informed = try RepositoryService(
        registry: stack.registry, provider: stack.provider, gateway: stack.gateway, configuration: configuration,
        authority: InstallationAuthority(), logger: .init(label: "t"))
      let run = Task { try await informed.run() }
      defer { run.cancel() }
      func built() async throws -> BuildSummary {
        try await eventually { await informed.queue != nil }
        return try await informed.outcome(of: try await informed.build(stack.name).image)
      }
      // The tip is the same, but the image was not searched for this secret.
      let failed = try await built()
      #expect(failed.error?.code == .credentialFound, "\(failed)")
      #expect(failed.error?.message.contains(".leak") == true)
      #expect(try await stack.repositories.get(stack.name).image?.id == first.id)

      try await stack.push(["quiet": ""])
      #expect(try await built().state == .succeeded)
      let (second, _) = try await informed.image(for: stack.name)
      #expect(second.parent == .base(SandboxStack.base), "the layer that holds the secret is not stood upon")
      run.cancel()
      _ = await run.result
    }
  }
}
