import Foundation
import Glibc
import RookeryControl
import RookeryModel

/// Answers requests. `serve` is not trusted: ids are checked by their types, everything else by whoever uses it.
struct HostRequests: Sendable {
  let context: HostContext
  let table: SandboxTable

  @Sendable func handle(_ data: Data, _ peer: PeerCredentials, _ descriptors: [Int32]) async throws -> Data {
    // No request carries descriptors; whoever sends some does not get to fill our table with them.
    for descriptor in descriptors { close(descriptor) }
    return try JSON.encode(await answer(JSON.decode(HostRequest.self, from: data)))
  }

  private func answer(_ request: HostRequest) async throws -> HostResponse {
    switch request {
    case .hello: return .hello(version: HostService.protocolVersion)
    case .create(let request): return try await .created(create(request))
    case .list: return .sandboxes(table.list())
    case .terminate(let id, let keep): try await table.with(id) { try await $0.terminate(keep: keep) }
    case .snapshot(let id, let snapshot):
      try await table.with(id) { try await $0.snapshot(as: snapshot) }
    case .capacity: return try .capacity(HostMeasure.capacity(of: [context.sandboxes, context.data], promised: table.promised()))
    case .freeze(let id): try await table.with(id) { try await $0.setFrozen(true) }
    case .thaw(let id): try await table.with(id) { try await $0.setFrozen(false) }
    case .publishImage(let id, let image, let manifest):
      try await table.with(id) { try await $0.publishImage(image, manifest: manifest) }
    case .publishBundle(let id, let agent, let manifest):
      try await table.with(id) { try await $0.publishBundle(agent, manifest: manifest) }
    case .nextEvents(let after, let wait):
      return await .events(context.events.next(after: after, wait: .seconds(max(0, min(wait, 60)))))
    case .listImages, .removeImage, .listSnapshots, .removeSnapshot, .listBundles, .listBases, .listImageUse, .configureNetwork:
      return try await BlockingThread.run(name: "host-layers") { try stored(request) }
    }
    return .done
  }

  private func withRegistries(_ base: BaseRecord) throws -> BaseRecord {
    guard let tree = try? Directory(path: context.bases.tree(of: base.name)) else { return base }
    var base = base
    base.registries = BaseRegistries(base: tree).addresses()
    return base
  }

  private func create(_ request: CreateSandbox) async throws -> SandboxRecord {
    guard request.bundles.count <= 32, Set(request.bundles).count == request.bundles.count else {
      throw RookeryError(.badRequest, "At most 32 different agents fit into a sandbox.")
    }
    return try await table.with(request.id) { try await $0.create(request) }
  }

  /// Requests that look at, or remove, what is stored. They block.
  private func stored(_ request: HostRequest) throws -> HostResponse {
    switch request {
    case .listImages: return .images(try context.layers.images())
    case .removeImage(let id): try context.layers.remove(.image(id))
    case .listSnapshots: return .snapshots(try context.layers.snapshots())
    case .removeSnapshot(let id): try context.layers.remove(.snapshot(id))
    case .listBundles: return .bundles(try context.bundles.list())
    case .listBases: return .bases(try context.bases.list().map(withRegistries))
    case .listImageUse: return .imageUse(try context.layers.imageUse())
    case .configureNetwork(let setup):
      try context.trust.configure(setup)
      context.networks.use(ports: setup.ports)
    default: throw RookeryError(.badRequest, "The request is not understood.")
    }
    return .done
  }
}
