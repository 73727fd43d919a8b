import RookeryConfiguration
import RookeryModel
import Synchronization
import Testing

@testable import RookerySandbox

@Suite struct StartQueueTests {
  private static func host(
    free: Int = 8000, disk: Int = 100_000, sandboxes: Int = 1, memory: Int = 0, cpus: Double = 0
  ) -> HostCapacity {
    HostCapacity(
      memoryTotalMB: 8000, memoryAvailableMB: free, cpus: 2, diskTotalMB: 200_000, diskFreeMB: disk, sandboxes: sandboxes,
      promisedMemoryMB: memory, promisedCPUs: cpus, promisedDiskMB: 0)
  }

  private static let none = host(disk: 0)

  /// What the gate sees, and what it says.
  private final class Host: Sendable {
    let capacity = Mutex(StartQueueTests.none)
    let told = Mutex<[SandboxAwaited]>([])
  }

  @Test func startsAtOnceWhereThereIsRoom() {
    var queue = StartQueue(rules: .init())
    let place = queue.enter(user: "ada", need: Limits())
    let admitted1 = queue.admit(Self.host())
    #expect(admitted1 == [place])
    #expect(queue.isEmpty && queue.position(of: place, Self.host()) == nil)
  }

  @Test func saysWhatIsLacking() {
    let queue = StartQueue(rules: .init())
    let need = Limits(memoryMB: 4096, cpus: 2)
    #expect(queue.lacking(for: need, Self.host(disk: 1023)) == .disk)
    #expect(queue.lacking(for: need, Self.host(free: 300)) == .memory)
    #expect(queue.lacking(for: need, Self.host(memory: 62_000)) == .memory)
    #expect(queue.lacking(for: need, Self.host(cpus: 31)) == .cpu)
    #expect(queue.lacking(for: need, Self.host(memory: 59_000, cpus: 30)) == nil)
    // A machine that is smaller than one sandbox's limits still runs one.
    #expect(queue.lacking(for: Limits(memoryMB: 1 << 20, cpus: 1000), Self.host(sandboxes: 0)) == nil)
  }

  @Test func whatIsStartingCounts() {
    var rules = Configuration.Capacity()
    rules.cpuOvercommit = 2
    var queue = StartQueue(rules: rules)
    let places = (0..<4).map { _ in queue.enter(user: "ada", need: Limits(cpus: 2)) }
    let admitted2 = queue.admit(Self.host())
    #expect(admitted2 == Array(places[0..<2]))
    #expect(queue.position(of: places[3], Self.host()) == SandboxAwaited(lacking: .cpu, ahead: 1))
    queue.leave(places[0])
    let admitted3 = queue.admit(Self.host())
    #expect(admitted3 == [places[2]])
  }

  @Test func peopleTakeTurns() {
    var queue = StartQueue(rules: .init())
    let ada = (0..<4).map { _ in queue.enter(user: "ada", need: Limits()) }
    let grace = (0..<2).map { _ in queue.enter(user: "grace", need: Limits()) }
    let alan = queue.enter(user: "alan", need: Limits())
    let admitted4 = queue.admit(Self.none)
    #expect(admitted4 == [])
    #expect(
      [ada[0], grace[0], alan, ada[1], grace[1], ada[2], ada[3]].enumerated().allSatisfy { index, place in
        queue.position(of: place, Self.none) == SandboxAwaited(lacking: .disk, ahead: index)
      })
    let admitted5 = queue.admit(Self.host())
    #expect(admitted5 == [ada[0], grace[0], alan, ada[1], grace[1], ada[2], ada[3]])
  }

  @Test func whoGivesUpIsPassed() {
    var queue = StartQueue(rules: .init())
    let first = queue.enter(user: "ada", need: Limits())
    let second = queue.enter(user: "ada", need: Limits())
    queue.leave(first)
    let admitted6 = queue.admit(Self.host())
    #expect(admitted6 == [second])
  }

  /// A large one is not passed by small ones for ever.
  @Test func theNextIsNotPassed() {
    var queue = StartQueue(rules: .init())
    let large = queue.enter(user: "ada", need: Limits(memoryMB: 63_000))
    _ = queue.enter(user: "grace", need: Limits(memoryMB: 64))
    let admitted7 = queue.admit(Self.host(memory: 4000))
    #expect(admitted7 == [])
    let admitted8 = queue.admit(Self.host(memory: 990))
    #expect(admitted8 == [large])
  }

  @Test(.timeLimit(.minutes(1))) func theGateOpensWhenThereIsRoom() async throws {
    let host = Host()
    let gate = StartGate(rules: .init(), period: .milliseconds(2)) { host.capacity.withLock { $0 } }
    let first = Task { try await gate.enter(user: "ada", need: Limits()) { news in host.told.withLock { $0.append(news) } } }
    while host.told.withLock({ $0.isEmpty }) { await Task.yield() }
    #expect(await gate.isAwaited)
    #expect(try await gate.lacking(for: Limits()) == .disk)
    let second = Task { try await gate.enter(user: "ada", need: Limits()) { news in host.told.withLock { $0.append(news) } } }
    while host.told.withLock({ $0.count }) < 2 { await Task.yield() }
    #expect(host.told.withLock { $0 } == [SandboxAwaited(lacking: .disk, ahead: 0), SandboxAwaited(lacking: .disk, ahead: 1)])
    // A stopped turn waits no more, and whoever was behind it moves up.
    first.cancel()
    await #expect(throws: CancellationError.self) { try await first.value }
    while host.told.withLock({ $0.count }) < 3 { await Task.yield() }
    #expect(host.told.withLock { $0.last } == SandboxAwaited(lacking: .disk, ahead: 0))
    host.capacity.withLock { $0 = Self.host() }
    await gate.leave(try await second.value)
    #expect(await !gate.isAwaited)
    #expect(try await gate.lacking(for: Limits()) == nil)
  }
}
