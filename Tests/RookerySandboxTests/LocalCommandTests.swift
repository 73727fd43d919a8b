import Foundation
import RookeryTestSupport
import Synchronization
import Testing

@testable import RookerySandbox

@Suite struct LocalCommandTests {
  private func shell(_ script: String, timeout: Duration = .seconds(60), limit: Int = 1 << 20) -> LocalCommand {
    LocalCommand(
      argv: ["sh", "-c", script], environment: ["PATH": "/usr/bin:/bin", "GIVEN": "yes"], timeout: timeout, outputLimit: limit)
  }

  @Test func returnsOutputErrorsAndCode() async throws {
    let result = try await shell("echo out; echo err >&2; exit 3").run()
    #expect(result == LocalCommand.Result(code: 3, output: Array("out\n".utf8), errorOutput: Array("err\n".utf8), truncated: false))
  }

  @Test func hasOnlyTheGivenEnvironmentAndDescriptors() async throws {
    let result = try await shell("env | grep -c -v -E '^(PATH|GIVEN|PWD|SHLVL|_|OLDPWD)='; ls /proc/self/fd | wc -l; cat").run()
    // Three of its own, and the one with which `ls` reads the directory.
    #expect(result.text.split(whereSeparator: \.isWhitespace) == ["0", "4"])
  }

  @Test func keepsABoundedOutputAndLetsTheProgramEnd() async throws {
    let seen = Mutex(0)
    let result = try await shell("head -c 300000 /dev/zero; echo done >&2", limit: 1000).run { bytes in seen.withLock { $0 += bytes.count }
    }
    #expect(result.output.count == 1000)
    #expect(result.errorText == "done\n")
    #expect(result.truncated)
    #expect(seen.withLock { $0 } == 300_005)
  }

  @Test func tellsASignal() async throws {
    #expect(try await shell("kill -9 $$").run().code == 137)
  }

  @Test func killsTheWholeGroupWhenTimeIsOver() async throws {
    let directory = try TemporaryDirectory()
    let command = shell("sleep 300 & echo $! > \(directory.path("pid")); wait", timeout: .seconds(1))
    await #expect(throws: LocalCommand.Failure.timedOut) { try await command.run() }
    let pid = try directory.read("pid").trimmingCharacters(in: .whitespacesAndNewlines)
    try await eventually { !FileManager.default.fileExists(atPath: "/proc/\(pid)") || Self.isZombie(pid) }
  }

  @Test func aProgramThatClosesItsOutputIsStillBounded() async throws {
    await #expect(throws: LocalCommand.Failure.timedOut) {
      try await shell("exec >&- 2>&-; sleep 300", timeout: .seconds(1)).run()
    }
  }

  @Test func cancellationEndsIt() async throws {
    let directory = try TemporaryDirectory()
    let task = Task { try await shell("touch \(directory.path("started")); sleep 300").run() }
    try await eventually { FileManager.default.fileExists(atPath: directory.path("started")) }
    task.cancel()
    await #expect(throws: CancellationError.self) { try await task.value }
  }

  @Test func aMissingProgramIsNamed() async throws {
    let command = LocalCommand(argv: ["no-such-program"], environment: ["PATH": "/usr/bin"], timeout: .seconds(10))
    await #expect(throws: LocalCommand.Failure.notStarted(step: "start no-such-program", errno: 2)) { try await command.run() }
  }

  private static func isZombie(_ pid: String) -> Bool {
    let status = (try? String(contentsOfFile: "/proc/\(pid)/status", encoding: .utf8)) ?? ""
    return status.contains("State:\tZ")
  }
}
