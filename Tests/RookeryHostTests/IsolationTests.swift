import Dispatch
import Foundation
import Glibc
import RookeryModel
import Testing

@testable import RookeryHost

extension HostTests {
  @Suite struct Isolation {
    @Test func seesNoFileOfTheHost() async throws {
      try await HostFixture.with { host in
        let secret = "/var/tmp/rookery-secret-\(UInt64.random(in: 0 ..< .max))"
        try Data("host secret".utf8).write(to: URL(fileURLWithPath: secret))
        defer { unlink(secret) }
        let sandbox = try await host.create()
        for account in [ProcessSpec.Account.agent, .root] {
          for path in [
            secret, host.settings.dataDirectory, HostFixture.cache, "/oldroot", "/newroot", "/run/root", "/home/user", "/sys/kernel",
          ] {
            let output = try await sandbox.run("ls -d \(path)", as: account)
            #expect(output.code != 0, "\(path) shows: \(output.text)")
          }
          let search = try await sandbox.run("cat /proc/mounts /proc/1/cgroup /proc/cmdline", as: account)
          #expect(!search.text.contains(host.directory) && !search.text.contains(HostFixture.cache))
        }
        let shadow = try await sandbox.run("cat /etc/shadow", as: .root)
        #expect(try shadow.text.contains("agent:") && shadow.text != String(contentsOfFile: "/etc/shadow", encoding: .utf8))
        let secretFiles = try await sandbox.run("cat /proc/kcore /dev/mem /dev/vda /proc/1/environ; ls /dev", as: .root)
        #expect(!secretFiles.text.contains("vda\n") && !secretFiles.text.contains("kmsg"))
      }
    }

    @Test func seesNoProcessOfTheHostOrOfAnotherSandbox() async throws {
      try await HostFixture.with { host in
        let one = try await host.create()
        let other = try await host.create()
        let marker = "sleep 98\(Int.random(in: 1000...9999))"
        _ = try await other.run("setsid \(marker) >/dev/null 2>&1 & echo started")
        let list = try await one.run("ps -eo pid,args", as: .root)
        #expect(list.code == 0)
        #expect(!list.text.contains(marker) && !list.text.contains("bwrap") && !list.text.contains("swift"))
        let first = try await one.run("cat /proc/1/comm", as: .root)
        #expect(!first.text.contains("bwrap") && !first.text.contains("systemd"))
        // Pids of the host mean nothing inside.
        let kill = try await one.run("kill -0 \(getpid())", as: .root)
        #expect(kill.code != 0)
      }
    }

    @Test func reachesNoNetworkButTheBrokers() async throws {
      try await HostFixture.with { host in
        let service = try LoopbackService()
        defer { service.stop() }
        let sandbox = try await host.create()
        let other = try await host.create()
        _ = try await host.awaitAdoption(of: [sandbox.id, other.id])
        for (target, port) in [
          ("127.0.0.1", service.port), ("169.254.169.254", 8080), ("1.1.1.1", 22), ("10.0.0.1", 22), ("192.168.0.1", 5432),
          ("2606:4700::1111", 22), ("::ffff:10.0.0.1", 8080),
        ] {
          for account in [ProcessSpec.Account.agent, .root] {
            let output = try await sandbox.run(Self.dial(target, port), as: account)
            #expect(output.code != 0 && !output.text.contains("connected"), "\(target):\(port): \(output.text)")
          }
        }
        // What leads to the web comes to this sandbox's own socket of the gateway, whatever address was dialled.
        for (target, port) in [("1.1.1.1", 443), ("169.254.169.254", 80), ("10.0.0.1", 443), ("2606:4700::1111", 443)] {
          let output = try await sandbox.run(Self.dial(target, port))
          #expect(output.text.contains("web of \(sandbox.id)"), "\(target):\(port): \(output.text)")
        }
        let links = try await sandbox.run("cat /proc/net/dev | tail -n +3 | cut -d: -f1 | tr -d ' '")
        #expect(links.text.split(separator: "\n") == ["lo"])
        for broker in Broker.allCases {
          let output = try await sandbox.run(Self.dial(broker.host, broker.port))
          #expect(output.text.contains("\(broker.rawValue) of \(sandbox.id)"), "\(output.text)")
        }
        let otherOutput = try await other.run(Self.dial(Broker.git.host, Broker.git.port))
        #expect(otherOutput.text.contains("git of \(other.id)"))
        let name = try await sandbox.run("getent hosts example.com")
        #expect(name.code != 0)
      }
    }

    static func dial(_ host: String, _ port: Int) -> String {
      """
      python3 - <<'P'
      import socket
      s = socket.create_connection(("\(host)", \(port)), 5)
      print("connected", s.recv(200).decode())
      P
      """
    }

    /// What must fail in every sandbox, for root and agent alike.
    static let forbidden: [(name: String, command: String)] = [
      ("mount", "mount -t tmpfs none /mnt"),
      ("umount", "umount /etc/hosts || umount /run"),
      ("remount", "mount -o remount,rw /proc/sys"),
      ("a new user namespace", "unshare -U true"),
      ("a new user namespace by clone", syscall("56, 0x10000000 | 17, 0, 0, 0, 0")),
      ("clone3", syscall("435, 0, 0")),
      ("a new mount namespace", "unshare -m true"),
      ("a new network namespace", "unshare -n true"),
      ("entering a namespace", "nsenter -t 1 -m true"),
      ("chroot escape by mount", "mount --bind / /mnt"),
      ("keyctl", syscall("250, 0, -3, 1")),
      ("add_key", syscall("248, b'user', b'x', b'y', 1, -3")),
      ("bpf", syscall("321, 0, 0, 0")),
      ("io_uring", syscall("425, 1, 0")),
      ("userfaultfd", syscall("323, 1")),
      ("perf_event_open", syscall("298, 0, 0, -1, -1, 0")),
      ("open_by_handle_at", syscall("304, 0, 0, 0")),
      ("kexec", syscall("246, 0, 0, 0, 0")),
      ("modules", syscall("175, 0, 0, b''")),
      ("kernel log", "dmesg"),
      ("raw socket", "python3 -c 'import socket; socket.socket(socket.AF_INET, socket.SOCK_RAW, 1)'"),
      ("packet socket", "python3 -c 'import socket; socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)'"),
      ("vsock", "python3 -c 'import socket; socket.socket(socket.AF_VSOCK, socket.SOCK_STREAM, 0)'"),
      ("kernel crypto socket", "python3 -c 'import socket; socket.socket(socket.AF_ALG, socket.SOCK_SEQPACKET, 0)'"),
      ("terminal input", "python3 -c 'import fcntl, os; m, s = os.openpty(); fcntl.ioctl(s, 0x5412, b\"x\")'"),
      ("device node", "mknod /tmp/disk b 254 0 || mknod /workspace/disk b 254 0"),
      ("sysctl", "echo 1 > /proc/sys/kernel/panic"),
      ("sysrq", "echo h > /proc/sysrq-trigger"),
      ("host name of the machine", "hostname changed"),
      ("clock", "date -s 2030-01-01"),
      (
        "network setup",
        "python3 -c 'import socket, fcntl, struct; fcntl.ioctl(socket.socket(), 0x8914, struct.pack(\"16sh\", b\"lo\", 0))'"
      ),
      ("the runner's memory", "head -c 1 /proc/1/mem"),
      ("the runner's descriptors", "ls -l /proc/1/fd/"),
      ("the runner's binary", "echo x > /run/rookery/runner"),
    ]

    /// A raw call that fails the command when it fails.
    private static func syscall(_ arguments: String) -> String {
      """
      python3 - <<'P'
      import ctypes, sys
      libc = ctypes.CDLL(None, use_errno=True)
      sys.exit(0 if libc.syscall(\(arguments)) >= 0 else 1)
      P
      """
    }

    @Test func forbiddenCallsFail() async throws {
      try await HostFixture.with { host in
        let sandbox = try await host.create()
        for (name, command) in Self.forbidden {
          for account in [ProcessSpec.Account.root, .agent] {
            let output = try await sandbox.run("exec 2>&1; " + command, as: account)
            #expect(output.code != 0, "\(name) as \(account) was possible: \(output.text)")
          }
        }
        // The same ways of calling work where nothing is forbidden.
        let allowed = try await sandbox.run(Self.syscall("39"))
        #expect(allowed.code == 0)
      }
    }

    @Test func rootInsideIsNobodyOutsideAndSetuidGainsNothing() async throws {
      try await HostFixture.with { host in
        let sandbox = try await host.create()
        let made = try await sandbox.run(
          "cp /usr/bin/id /usr/local/bin/suid && chmod 4755 /usr/local/bin/suid && touch /root/mine", as: .root)
        #expect(made.code == 0, "\(made.text)")
        let upper = try host.upper(of: sandbox.id)
        let owner = try FileManager.default.attributesOfItem(atPath: "/proc/self/fd/\(upper.descriptor)/root/mine")[.ownerAccountID]
        withExtendedLifetime(upper) {}
        #expect((owner as? NSNumber)?.uint32Value == IDRange.first)
        let identity = try await sandbox.run("/usr/local/bin/suid -u")
        #expect(identity.text == "1000")
        let capabilities = try await sandbox.run("grep -E '^Cap(Eff|Prm|Inh|Amb|Bnd)|NoNewPrivs|Seccomp:' /proc/self/status")
        #expect(capabilities.text.contains("CapEff:\t0000000000000000"))
        #expect(capabilities.text.contains("CapPrm:\t0000000000000000"))
        // No program can raise what no_new_privs holds down; even so, no more than image setup has is left to raise.
        #expect(capabilities.text.contains("CapBnd:\t00000000000400fb"))
        #expect(capabilities.text.contains("NoNewPrivs:\t1"))
        #expect(capabilities.text.contains("Seccomp:\t2"))
        let root = try await sandbox.run("grep CapEff /proc/self/status", as: .root)
        // CHOWN, DAC_OVERRIDE, FOWNER, FSETID, KILL, SETGID, SETUID, SYS_CHROOT.
        let mask = UInt64(root.text.split(separator: "\t").last ?? "", radix: 16) ?? .max
        #expect(mask & ~0x400fb == 0, "\(root.text)")
      }
    }

    @Test func packagesToolsWorkAsRoot() async throws {
      try await HostFixture.with { host in
        let sandbox = try await host.create()
        let output = try await sandbox.run(
          """
          set -e
          groupadd builders; useradd -m worker; chown worker:builders /home/worker; su worker -c true || true
          mkdir -p /tmp/p/DEBIAN /tmp/p/usr/share/probe; echo data > /tmp/p/usr/share/probe/file
          printf 'Package: probe\\nVersion: 1\\nArchitecture: all\\nMaintainer: x <x@example.com>\\nDescription: x\\n' > /tmp/p/DEBIAN/control
          chmod 755 /tmp/p/DEBIAN; dpkg-deb --root-owner-group -b /tmp/p /tmp/probe.deb; dpkg -i /tmp/probe.deb; cat /usr/share/probe/file
          mv /usr/share/probe /usr/share/renamed; mv /usr/share/perl5 /usr/share/perl6; ls /usr/share/perl6 > /dev/null; echo all-well
          """, as: .root)
        #expect(output.code == 0 && output.text.hasSuffix("all-well"), "\(output.text)")
      }
    }
  }
}
