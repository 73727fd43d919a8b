import Foundation
import RookeryConfiguration
import RookeryModel

@testable import RookerySandbox

/// Sandboxes that are records, for tests of what decides about sandboxes.
actor MemoryProvider: SandboxProvider {
  private(set) var records: [SandboxID: SandboxRecord] = [:]
  private(set) var terminated: [SandboxID] = []
  private(set) var resumed: [SandboxID] = []
  /// Sandboxes that can't be thawed.
  private var broken: Set<SandboxID> = []

  func make(_ id: SandboxID, _ state: SandboxRecord.State = .running) {
    records[id] = SandboxRecord(
      id: id, state: state, source: .image(.random(prefix: "i-")), created: Date(), runnerSocket: "", memoryBytes: 50 << 20)
  }

  func breakAll() { broken = Set(records.keys) }
  func end(_ id: SandboxID) { records[id]?.state = .dead }

  func create(_ specification: CreateSandbox) async throws -> any Sandbox {
    make(specification.id)
    return MemorySandbox(id: specification.id)
  }
  func attach(_ id: SandboxID) async throws -> (any Sandbox)? { records[id].map { MemorySandbox(id: $0.id) } }
  func list() async throws -> [SandboxRecord] { Array(records.values) }
  func terminate(_ id: SandboxID, keep: SnapshotID?) async throws {
    if records.removeValue(forKey: id) != nil { terminated.append(id) }
  }
  func pause(_ id: SandboxID) async throws { records[id]?.state = .frozen }
  func resume(_ id: SandboxID) async throws {
    await Task.yield()
    guard records[id] != nil, !broken.contains(id) else { throw RookeryError(.sandboxLost, "It is gone.") }
    records[id]?.state = .running
    resumed.append(id)
  }

  func snapshot(_ id: SandboxID, as snapshot: SnapshotID) async throws {}
  func publishImage(_ sandbox: SandboxID, manifest: ImageManifest) async throws {}
  func images() async throws -> [ImageManifest] { [] }
  func imageUse() async throws -> [ImageUse] { [] }
  func removeImage(_ id: ImageID) async throws {}
  func snapshots() async throws -> [SnapshotRecord] { [] }
  func removeSnapshot(_ id: SnapshotID) async throws {}
  func publishBundle(_ sandbox: SandboxID, manifest: BundleManifest) async throws {}
  func bundles() async throws -> [BundleManifest] { [] }
  func bases() async throws -> [BaseRecord] { [] }
  func capacity() async throws -> HostCapacity { throw RookeryError(.unavailable, "It has none.") }
  func events(after: Int64, wait: Int) async throws -> [HostEvent] { [] }
}

struct MemorySandbox: Sandbox {
  let id: SandboxID
  func start(_ process: ProcessSpec) async throws {}
  func output(of process: ProcessID, from offsets: StreamOffsets, window: Int) -> AsyncThrowingStream<ProcessEvent, any Error> {
    AsyncThrowingStream { $0.finish() }
  }
  func acknowledge(_ process: ProcessID, _ offsets: StreamOffsets) async throws {}
  func write(_ bytes: [UInt8], to process: ProcessID, at offset: UInt64) async throws -> UInt64 { offset + UInt64(bytes.count) }
  func closeInput(of process: ProcessID) async throws {}
  func signal(_ process: ProcessID, _ signal: ProcessSignal) async throws {}
  func detach() async {}
}

/// Prepares by freezing a record.
actor MemoryPreparation: WarmPreparing {
  private let provider: MemoryProvider
  private let name: RepositoryName
  private(set) var prepared: [SandboxID] = []
  private var size: Int
  private var image = "i-1"
  /// What preparations wait for, where they are to be caught in the middle.
  private var gates: [CheckedContinuation<Void, Never>] = []
  private var holds = false
  private var failure: RookeryError?

  init(_ provider: MemoryProvider, _ name: RepositoryName, size: Int) {
    self.provider = provider
    self.name = name
    self.size = size
  }

  func set(image: String) { self.image = image }
  func fail(with error: RookeryError?) { failure = error }
  func hold() { holds = true }
  var isHolding: Bool { !gates.isEmpty }
  func release() {
    holds = false
    for gate in gates { gate.resume() }
    gates = []
  }

  func validity() throws -> PoolValidity {
    PoolValidity(image: try ImageID(image), environmentDigest: "e", agentDigest: "a")
  }

  func repositories() async throws -> [RepositoryName: PoolState.Repository] {
    [name: .init(settings: PoolSettings(size: size, maximumAge: 1500), validity: try validity())]
  }

  func prepare(_ order: WarmOrder) async throws -> (WarmContent, any Sandbox) {
    if let failure { throw failure }
    await provider.make(order.id)
    if holds { await withCheckedContinuation { gates.append($0) } }
    try await provider.pause(order.id)
    prepared.append(order.id)
    return (WarmContent(commit: "c", environment: EnvironmentFile(), bundles: []), MemorySandbox(id: order.id))
  }
}
