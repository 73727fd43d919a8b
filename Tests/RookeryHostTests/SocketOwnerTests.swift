import Foundation
import Glibc
import RookeryModel
import Testing

@testable import RookeryHost

@Suite struct SocketOwnerTests {
  private static let table = """
      sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
       0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 4711 1 0000000000000000 100 0 0 10 0
       1: 0100007F:9C40 010101C6:01BB 01 00000000:00000000 00:00000000 00000000  1000        0 4712 1 0000000000000000 20 0 0 10 -1
       2: 0100007F:EFEC 0100007F:9C40 01 00000000:00000000 00:00000000 00000000     0        0 4713 1 0000000000000000 20 0 0 10 -1
       3: 0100007F:0035 00000000:0000 06 00000000:00000000 03:00000000 00000000     0        0 0 3 0000000000000000
    """

  @Test func readsTheKernelsTable() {
    #expect(SocketOwner.inodes(of: 40_000, in: Self.table) == ["4712"])
    #expect(SocketOwner.inodes(of: 8080, in: Self.table) == ["4711"])
    // One that is closed has no inode any more.
    #expect(SocketOwner.inodes(of: 53, in: Self.table).isEmpty)
    #expect(SocketOwner.inodes(of: 1, in: Self.table).isEmpty && SocketOwner.inodes(of: 40_000, in: "").isEmpty)
  }

  @Test func findsTheProgramThatHasASocket() throws {
    let descriptor = socket(AF_INET, Int32(SOCK_DGRAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
    defer { close(descriptor) }
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_addr.s_addr = in_addr_t(0x7f00_0001).bigEndian
    var length = socklen_t(MemoryLayout<sockaddr_in>.size)
    let isBound = withUnsafeMutablePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        bind(descriptor, $0, length) == 0 && getsockname(descriptor, $0, &length) == 0
      }
    }
    try #require(isBound)
    let peer = SandboxPeer(transport: .udp, port: Int(UInt16(bigEndian: address.sin_port)))
    // A parent is in the same network as its child.
    let owner = SocketOwner(initProcess: getppid(), processes: [getppid(), getpid()], deadline: .now + .seconds(20))
    let name = try #require(SandboxProcesses.name(getpid()))
    #expect(owner.program(of: peer) == name)
    // Process 1 of a sandbox is ours, and never what was refused.
    #expect(SocketOwner(initProcess: getpid(), processes: [getpid()], deadline: .now + .seconds(20)).program(of: peer) == nil)
    #expect(SocketOwner(initProcess: getppid(), processes: [getpid()], deadline: .now).program(of: peer) == nil)
    #expect(owner.program(of: SandboxPeer(transport: .tcp, port: peer.port)) == nil)
  }
}
