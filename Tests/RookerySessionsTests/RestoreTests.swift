import Foundation
import RookeryModel
import RookeryTestSupport
import Testing

@testable import RookerySessions

/// A session's work comes back into a working copy that is at its image's commit: the scripts that do it, with a real git.
@Suite struct RestoreTests {
  private let author = Author(user: .random(prefix: "u-"), name: "Ada", email: "ada@example.com")
  private let branch = "rookery/s1"

  /// Runs a script as it runs in a sandbox, in `directory`, with the broker's address meaning `remote`.
  private func run(_ script: ProcessSpec, in directory: String, remote: String, input: [UInt8] = []) async throws -> (
    Command.Result, output: Data
  ) {
    let config = directory + ".config"
    try "[url \"\(remote)\"]\n\tinsteadOf = \(Broker.git.origin)/site.git\n".write(toFile: config, atomically: true, encoding: .utf8)
    let environment = script.environment.merging(["GIT_CONFIG_GLOBAL": config, "HOME": directory]) { $1 }
    let pairs = environment.map { "\($0.key)=\($0.value)" }
    let file = directory + ".output"
    // Its output holds a bundle, which is no text.
    let result = try await Command.run(
      ["env", "-i", "-C", directory] + pairs + ["/bin/sh", "-c", "out=$1; shift; exec \"$@\" > \"$out\"", "sh", file] + script.argv,
      input: input)
    return (result, try Data(contentsOf: URL(fileURLWithPath: file)))
  }

  @Test func unfinishedWorkComesBackAsItWas() async throws {
    let root = try TemporaryDirectory(prefix: "rookery-restore")
    defer { root.remove() }
    let git = GitScripts(repository: try RepositoryName("site"), session: try SessionID("s1"))
    let (remote, first, second) = (root.path("site.git"), root.path("first"), root.path("second"))
    try await Command.git(["init", "--quiet", "--bare", "--initial-branch=main", remote])
    try await Command.git(["clone", "--quiet", remote, first])
    try root.write("one\n", to: "first/kept.txt")
    try await Command.git(["add", "--all"], in: first)
    try await Command.git(["commit", "--quiet", "-m", "Base"], in: first)
    try await Command.git(["push", "--quiet", "origin", "HEAD:main"], in: first)
    try await Command.git(["clone", "--quiet", remote, second])
    let base = try await Command.git(["rev-parse", "HEAD"], in: first).trimmingCharacters(in: .whitespacesAndNewlines)

    // A commit that was pushed, one that was not, and files that are in none.
    try await Command.git(["switch", "--quiet", "--create", branch], in: first)
    try root.write("pushed\n", to: "first/pushed.txt")
    try await Command.git(["add", "--all"], in: first)
    try await Command.git(["commit", "--quiet", "-m", "Pushed"], in: first)
    try await Command.git(["push", "--quiet", "origin", branch], in: first)
    let pushed = try await Command.git(["rev-parse", "HEAD"], in: first).trimmingCharacters(in: .whitespacesAndNewlines)
    try root.write("local\n", to: "first/local.txt")
    try await Command.git(["add", "--all"], in: first)
    try await Command.git(["commit", "--quiet", "-m", "Not pushed"], in: first)
    try root.write("half\n", to: "first/half.txt")
    try root.write("two\n", to: "first/kept.txt")
    let (saved, content) = try await run(
      git.saveHidden(
        id: try ProcessID("save"), ref: "refs/rookery/s1/turn-1", base: base, pushed: pushed, author: author, message: "Unfinished"),
      in: first, remote: remote)
    #expect(saved.status == 0, "\(saved.text)")
    let split = try #require(content.firstIndex(of: UInt8(ascii: "\n")))
    let hidden = String(decoding: content[..<split], as: UTF8.self)
    let head = try await Command.git(["rev-parse", "HEAD"], in: first)

    let bundle = Array(content[(split + 2)...])
    let (restored, newHead) = try await run(
      git.restore(id: try ProcessID("restore"), branch: branch, isPushed: true, hidden: hidden), in: second, remote: remote, input: bundle)
    #expect(restored.status == 0, "\(restored.text)")
    #expect(String(decoding: newHead, as: UTF8.self) == head)
    #expect(try await Command.git(["status", "--porcelain"], in: second) == " M kept.txt\n?? half.txt\n")
    #expect(try await Command.git(["symbolic-ref", "--short", "HEAD"], in: second) == branch + "\n")
    #expect(
      try root.read("second/half.txt") == "half\n" && root.read("second/kept.txt") == "two\n" && root.read("second/local.txt") == "local\n")

    // Without a bundle, the branch as the remote has it.
    let third = root.path("third")
    try await Command.git(["clone", "--quiet", remote, third])
    let (plain, tip) = try await run(
      git.restore(id: try ProcessID("restore"), branch: branch, isPushed: true, hidden: nil), in: third, remote: remote)
    #expect(String(decoding: tip, as: UTF8.self) == pushed + "\n", "\(plain.text)")
    #expect(try await Command.git(["status", "--porcelain"], in: third).isEmpty)
  }
}
