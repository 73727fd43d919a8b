import Foundation
import Glibc
import RookeryModel
import Testing

@testable import RookeryCommands

/// A directory for one test.
func withDirectory<Value>(_ body: (String) async throws -> Value) async throws -> Value {
  // Short: Unix sockets are named below it.
  let path = "/tmp/rk-\(UUID().uuidString.prefix(8))"
  try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
  chmod(path, 0o755)
  do {
    let value = try await body(path)
    try? FileManager.default.removeItem(atPath: path)
    return value
  } catch {
    try? FileManager.default.removeItem(atPath: path)
    throw error
  }
}

@Suite struct SystemPartsTests {
  @Test func aChildHasItsEnvironmentItsSessionAndNoDescriptors() async throws {
    try await withDirectory { directory in
      let log = open(directory + "/log", O_WRONLY | O_CREAT | O_CLOEXEC, 0o600)
      defer { close(log) }
      // One that is not close-on-exec, as a library may have it.
      let leak = dup(log)
      defer { close(leak) }
      let script = "env | sort; echo err >&2; ls /proc/self/fd | wc -l; cut -d' ' -f1,6 /proc/$$/stat; exit 7"
      let child = try SpawnedProcess(.init(argv: ["/bin/sh", "-c", script], environment: ["A": "1", "PATH": "/usr/bin:/bin"], log: log))
      #expect(try await child.wait() == .code(7))
      let lines = try String(contentsOfFile: directory + "/log", encoding: .utf8).split(separator: "\n").map(String.init)
      #expect(lines.contains("A=1"))
      #expect(lines.contains("err"))
      #expect(!lines.contains { $0.hasPrefix("HOME=") })
      // stdin, stdout, stderr and the directory that ls reads.
      #expect(lines.dropLast().last == "4")
      #expect(lines.last == "\(child.pid) \(child.pid)", "leader of its own session")
    }
  }

  @Test func aChildThatIsKilledSaysSo() async throws {
    let child = try SpawnedProcess(.init(argv: ["/bin/sleep", "600"], environment: [:]))
    #expect(child.exitIfEnded() == nil)
    let identity = try #require(child.identity)
    #expect(identity.isAlive)
    kill(child.pid, SIGKILL)
    #expect(try await child.wait() == .signal(SIGKILL))
    #expect(!identity.isAlive)
  }

  @Test func aMissingProgramIsNamed() {
    let error = #expect(throws: RookeryError.self) { try SpawnedProcess(.init(argv: ["/no/such/program"], environment: [:])) }
    #expect(error?.message.contains("/no/such/program") == true)
  }

  @Test func oneHolderALock() async throws {
    try await withDirectory { directory in
      let path = directory + "/lock"
      var first: FileLock? = try FileLock(path: path, message: "taken", mend: "wait")
      #expect(FileLock.isHeld(path: path))
      let error = #expect(throws: RookeryError.self) { try FileLock(path: path, message: "taken", mend: "wait") }
      #expect(error?.code == .conflict)
      withExtendedLifetime(first) {}
      first = nil
      #expect(!FileLock.isHeld(path: path))
      _ = try FileLock(path: path, message: "taken", mend: "wait")
    }
  }

  @Test func leftProcessesAreEndedAndOthersSpared() async throws {
    try await withDirectory { directory in
      let polite = try SpawnedProcess(.init(argv: ["/bin/sleep", "600"], environment: [:]))
      let other = try SpawnedProcess(.init(argv: ["/bin/sleep", "600"], environment: [:]))
      // Our own children stay zombies until they are reaped, so they are while this runs.
      async let ended = polite.wait()
      let leftovers = LeftoverProcesses(file: directory + "/processes.json")
      #expect(leftovers.living.isEmpty)
      var reused = try #require(other.identity)
      reused.started += 1
      leftovers.record(["serve": try #require(polite.identity), "host": reused])
      #expect(leftovers.living.map(\.role) == [.serve])
      try await leftovers.end { _ in }
      #expect(try await ended == .signal(SIGTERM))
      #expect(other.exitIfEnded() == nil)
      kill(other.pid, SIGKILL)
      _ = try await other.wait()
    }
  }

  @Test(.enabled(if: geteuid() == 0, "changes owners")) func directoriesGetTheirOwners() async throws {
    try await withDirectory { directory in
      let layout = try DataLayout(data: directory + "/d", cache: directory + "/c")
      let users = SystemUsers(serve: .init(name: "a", uid: 12_345, gid: 12_346), gateway: .init(name: "b", uid: 12_347, gid: 12_348))
      for _ in 0..<2 { try layout.prepare(users: users) }
      func attributes(_ path: String) throws -> (Int, Int) {
        let found = try FileManager.default.attributesOfItem(atPath: path)
        return (found[.ownerAccountID] as? Int ?? -1, found[.posixPermissions] as? Int ?? -1)
      }
      #expect(try attributes(layout.serve) == (12_345, 0o700))
      #expect(try attributes(layout.gatewayRun) == (12_347, 0o755))
      #expect(try attributes(layout.host) == (0, 0o700))
      #expect(try FileManager.default.destinationOfSymbolicLink(atPath: layout.apiSocket) == "serve/api.sock")
      // What somebody put there before is not followed.
      try FileManager.default.removeItem(atPath: layout.gatewayRun)
      try FileManager.default.createSymbolicLink(atPath: layout.gatewayRun, withDestinationPath: directory)
      #expect(throws: RookeryError.self) { try layout.prepare(users: users) }
      #expect(try attributes(directory).0 == 0)
    }
  }

  @Test(.enabled(if: geteuid() == 0, "changes owners")) func aClosedParentIsNamed() async throws {
    try await withDirectory { directory in
      let layout = try DataLayout(data: directory + "/p/d", cache: directory + "/c")
      try FileManager.default.createDirectory(atPath: directory + "/p", withIntermediateDirectories: true)
      chmod(directory + "/p", 0o700)
      let error = #expect(throws: RookeryError.self) {
        try layout.prepare(users: .init(serve: .init(name: "a", uid: 12_345, gid: 1), gateway: .init(name: "b", uid: 12_346, gid: 1)))
      }
      #expect(error?.mend.contains("chmod o+x \(directory)/p") == true)
    }
  }
}
