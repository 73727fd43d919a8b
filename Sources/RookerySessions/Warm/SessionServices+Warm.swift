import Foundation
import RookeryConfiguration
import RookeryModel
import RookerySandbox
import RookeryStore

extension SessionServices {
  /// The pool of warm sandboxes that these services ask for.
  package func makePool() -> WarmPool {
    let directory = directory
    return WarmPool(
      registry: registry, provider: provider, gateway: gateway, preparer: WarmPreparation(services: self),
      memoryBudget: configuration.pool.memoryMB << 20, atOnce: configuration.pool.atOnce, logger: logger
    ) { session, sandbox in
      guard let store = try? SessionStore(directory: directory, session: session, create: false),
        let stored = try? store.read({ try $0.meta() }), let meta = try? JSON.decode(SessionMeta.self, from: stored.body)
      else { return false }
      return meta.sandbox == sandbox
    }
  }

  /// What a repository's sandbox may use: it may ask for less than the operator allows, never for more.
  func limits(of repository: RepositoryName, asked: EnvironmentFile.RequestedLimits?) -> Limits {
    let allowed = configuration.repositories[repository]?.limits ?? configuration.sandbox.limits
    return Limits(
      memoryMB: min(asked?.memoryMB ?? allowed.memoryMB, allowed.memoryMB), cpus: min(asked?.cpus ?? allowed.cpus, allowed.cpus),
      processes: min(asked?.processes ?? allowed.processes, allowed.processes),
      diskMB: min(asked?.diskMB ?? allowed.diskMB, allowed.diskMB),
      runtimeSeconds: min(asked?.runtimeSeconds ?? allowed.runtimeSeconds, allowed.runtimeSeconds),
      inodes: min(asked?.inodes ?? allowed.inodes, allowed.inodes),
      openFiles: min(asked?.openFiles ?? allowed.openFiles, allowed.openFiles),
      outputKBPerSecond: min(asked?.outputKBPerSecond ?? allowed.outputKBPerSecond, allowed.outputKBPerSecond))
  }
}
