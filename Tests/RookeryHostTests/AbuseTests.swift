import CSandbox
import Foundation
import Glibc
import RookeryModel
import Synchronization
import Testing

@testable import RookeryHost

extension HostTests {
  /// Known ways out of containers, each tried for real.
  @Suite struct Abuse {
    /// A Python program that ends with 0 when the attack worked.
    private static func python(_ text: String) -> String {
      "python3 - <<'P'\nimport ctypes, os, sys\nlibc = ctypes.CDLL(None, use_errno=True)\n\(text)\nP"
    }

    static let attacks: [(name: String, command: String)] = [
      ("core_pattern", "echo '|/bin/sh' > /proc/sys/kernel/core_pattern"),
      ("modprobe", "echo /tmp/x > /proc/sys/kernel/modprobe"),
      ("binfmt_misc", "echo ':x:M::x::/bin/sh:' > /proc/sys/fs/binfmt_misc/register"),
      ("release_agent", "mkdir /tmp/cg && mount -t cgroup -o memory cgroup /tmp/cg && echo /x > /tmp/cg/release_agent"),
      ("cgroup2", "mkdir /tmp/cg2 && mount -t cgroup2 none /tmp/cg2"),
      ("its own cgroup", "ls /sys/fs/cgroup/memory || ls /sys/fs/cgroup/cgroup.procs"),
      ("uevent helper", "echo /x > /sys/kernel/uevent_helper"),
      ("the runner's executable", "cat /bin/sh > /proc/1/exe"),
      ("the runner's root", "ls /proc/1/root/run/rookery/journal/../../../.. && ls /proc/1/cwd"),
      ("tracing the runner", python("sys.exit(0 if libc.ptrace(16, 1, 0, 0) == 0 else 1)")),
      (
        "reading the runner's memory",
        python(
          "b = ctypes.create_string_buffer(8); v = (ctypes.c_size_t * 2)(ctypes.addressof(b), 8); r = (ctypes.c_size_t * 2)(0x400000, 8)\nsys.exit(0 if libc.process_vm_readv(1, v, 1, r, 1, 0) > 0 else 1)"
        )
      ),
      (
        "the runner's descriptors by pidfd",
        python("f = libc.syscall(434, 1, 0)\nsys.exit(0 if f >= 0 and libc.syscall(438, f, 3, 0) >= 0 else 1)")
      ),
      ("memory of the machine", "head -c 1 /dev/mem || head -c 1 /dev/kmem || head -c 1 /proc/kcore || head -c 1 /dev/port"),
      ("disks of the machine", "ls /dev/vd* /dev/sd* /dev/nvme* /dev/loop* /dev/mapper 2>/dev/null | grep ."),
      ("a character device", "mknod /workspace/mem c 1 1 && head -c 1 /workspace/mem"),
      ("keys of others", "cat /proc/keys | grep ."),
      ("oom protection", "echo -1000 > /proc/self/oom_score_adj"),
      ("real-time priority", "chrt -f 50 true"),
      ("a raised limit", "ulimit -Hn 1000000"),
      ("firmware tables", "ls /sys/firmware/acpi || ls /sys/class/dmi"),
      ("security modules", "echo x > /proc/self/attr/current; ls /sys/kernel/security"),
      ("other namespaces' files", "ls /proc/1/task/1/ns/ && nsenter -t 1 -n true"),
      ("handles to files outside", python("sys.exit(0 if libc.syscall(304, -100, 0, 0) >= 0 else 1)")),
      ("a moved mount", python("sys.exit(0 if libc.syscall(428, -100, b'/', 1) >= 0 else 1)")),
      ("a changed root", python("os.chroot('/tmp')\nos.chroot('../../../..')\nsys.exit(0 if os.path.exists('/var/cache/rookery') else 1)")),
    ]

    @Test func knownWaysOutAreClosed() async throws {
      try await HostFixture.with { host in
        let sandbox = try await host.create()
        for (name, command) in Self.attacks {
          for account in [ProcessSpec.Account.root, .agent] {
            let output = try await sandbox.run("(\(command)\n) 2>&1", as: account)
            #expect(output.code != 0, "\(name) as \(account) worked: \(output.text)")
          }
        }
        #expect(try await sandbox.run("echo alive").text == "alive")
      }
    }

    /// A device with the numbers of nothing is one that the kernel lets anybody make; Landlock doesn't.
    @Test(.enabled(if: cs_landlock_version() >= 2)) func noDeviceFileIsMade() async throws {
      try await HostFixture.with { host in
        let sandbox = try await host.create()
        for account in [ProcessSpec.Account.agent, .root] {
          let made = try await sandbox.run("mknod /tmp/d-\(account) c 0 0; mkfifo /tmp/f-\(account) && ls /tmp", as: account)
          #expect(made.text.contains("f-\(account)") && !made.text.contains("\nd-\(account)"), "\(made.text)")
        }
        // What programs need goes on: renames between directories, links, terminals.
        let usual = try await sandbox.run(
          "mkdir a b && echo x > a/f && mv a/f b/g && ln b/g a/h && cat a/h && stty -F /dev/ptmx size >/dev/null && echo fine")
        #expect(usual.text.hasSuffix("fine"), "\(usual.text)")
      }
    }

    @Test func theRunnerSurvivesWhoeverKills() async throws {
      try await HostFixture.with { host in
        let sandbox = try await host.create()
        for account in [ProcessSpec.Account.agent, .root] {
          _ = try await sandbox.run("kill -9 1; kill -STOP 1; kill -SEGV 1; echo tried", as: account)
          #expect(try await sandbox.run("echo alive").text == "alive")
        }
        _ = try await sandbox.run("kill -9 -1", as: .agent)
        #expect(try await sandbox.run("echo alive").text == "alive")
      }
    }

    @Test func nothingOfTheHostsIsOpenInProcesses() async throws {
      try await HostFixture.with { host in
        let sandbox = try await host.create()
        for account in [ProcessSpec.Account.agent, .root] {
          let open = try await sandbox.run("ls -l /proc/self/fd | grep -c -- '->'; ls -l /proc/self/fd", as: account)
          #expect(open.text.hasPrefix("4\n"), "\(open.text)")
          let environment = try await sandbox.run("tr '\\0' '\\n' < /proc/self/environ | cut -d= -f1 | sort | tr '\\n' ' '", as: account)
          #expect(environment.text.split(separator: " ").allSatisfy { ["HOME", "PATH", "PWD", "SHLVL", "_", "OLDPWD"].contains($0) })
        }
      }
    }

    @Test func setUserFilesOfOneSandboxGiveNothingInAnother() async throws {
      try await HostFixture.with { host in
        let first = try await host.create()
        let made = try await first.run(
          "cp /usr/bin/id /usr/local/bin/as-root; chmod 6755 /usr/local/bin/as-root; cp /usr/bin/id /usr/local/bin/capable; "
            + "python3 -c 'import os, struct; os.setxattr(\"/usr/local/bin/capable\", \"security.capability\", struct.pack(\"<IIIII\", 0x02000001, 0xffffffff, 0, 0, 0))'; echo made",
          as: .root)
        #expect(made.text.contains("made"))
        let snapshot = SnapshotID.random(prefix: "s-")
        #expect(try await host.ask(.snapshot(first.id, as: snapshot)) == .done)
        let second = try await host.create(.snapshot(snapshot))
        #expect(try await second.run("/usr/local/bin/as-root -u").text == "1000")
        let capable = try await second.run("/usr/local/bin/capable -u; cp /bin/cat /tmp/cat; chmod 4755 /tmp/cat; /tmp/cat /etc/shadow")
        #expect(capable.code != 0)
      }
    }

    @Test func whatProcessesShareStaysInOneSandbox() async throws {
      try await HostFixture.with { host in
        let one = try await host.create()
        let other = try await host.create()
        let key = Int.random(in: 1...Int(Int32.max))
        let make = Self.python("sys.exit(0 if libc.shmget(\(key), 4096, 0o1666) >= 0 else 1)")
        let find = Self.python("sys.exit(0 if libc.shmget(\(key), 4096, 0o666) >= 0 else 1)")
        #expect(try await one.run(make).code == 0)
        #expect(try await one.run(find).code == 0)
        #expect(try await other.run(find).code != 0)
        // Abstract sockets belong to the network namespace.
        let name = "rookery-\(key)"
        let listen =
          "import socket, time; s = socket.socket(socket.AF_UNIX); s.bind(chr(0) + \"\(name)\"); s.listen(); open(\"up\", \"w\"); time.sleep(60)"
        _ = try await one.run("setsid python3 -c '\(listen)' >/dev/null 2>&1 & while ! test -e up; do sleep 0.1; done")
        let dial = "python3 -c 'import socket; socket.socket(socket.AF_UNIX).connect(chr(0) + \"\(name)\")'"
        #expect(try await one.run(dial).code == 0)
        #expect(try await other.run(dial).code != 0)
      }
    }

    @Test func watchesThatOneTakesAreNotMissedByAnother() async throws {
      try await HostFixture.with { host in
        let greedy = try await host.create()
        let other = try await host.create()
        let take = Self.python(
          "n = 0\nwhile n < 20000 and libc.inotify_init() >= 0: n += 1\nprint(n, flush=True)\nimport time; time.sleep(60)")
        let taken = try await greedy.run("(\(take)\n) > taken 2>&1 & while ! test -s taken; do sleep 0.1; done; cat taken")
        #expect(try #require(Int(taken.text)) <= 512, "\(taken.text)")
        #expect(try await other.run(Self.python("sys.exit(0 if libc.inotify_init() >= 0 else 1)")).code == 0)
      }
    }

    @Test func aTreeThatChangesUnderTheCopyLeadsNowhere() throws {
      let path = "/var/tmp/rookery-swap-" + String(UInt64.random(in: 0 ..< .max), radix: 36)
      let source = try Directory.make(path: path + "/source", mode: 0o755)
      defer { try? FileManager.default.removeItem(atPath: path) }
      try FileManager.default.createDirectory(atPath: path + "/secret", withIntermediateDirectories: true)
      try Data("host secret".utf8).write(to: URL(fileURLWithPath: path + "/secret/file"))
      try FileManager.default.createDirectory(atPath: path + "/source/a", withIntermediateDirectories: true)
      try Data("mine".utf8).write(to: URL(fileURLWithPath: path + "/source/a/file"))
      symlink(path + "/secret", path + "/source/b")
      let stops = Mutex(false)
      let thread = Thread {
        while !stops.withLock({ $0 }) {
          rename(path + "/source/a", path + "/source/c")
          rename(path + "/source/b", path + "/source/a")
          rename(path + "/source/a", path + "/source/b")
          rename(path + "/source/c", path + "/source/a")
        }
      }
      thread.start()
      defer { stops.withLock { $0 = true } }
      for round in 0..<200 {
        let target = try Directory.make(path: path + "/target\(round)", mode: 0o755)
        try target.makeDirectory("tree", mode: 0o755)
        _ = try? TreeCopy.copy(
          source, to: target.existing("tree"), scratch: target, bounds: .init(bytes: 1 << 20, entries: 100, time: .seconds(10)))
        for name in ["a", "b", "c"] {
          let copied = try target.existing("tree").directory(name)?.read("file")
          #expect(copied == nil || copied == Data("mine".utf8))
        }
      }
    }
  }
}
