import Foundation

/// Requests to `rookery host`. They carry ids and validated settings: never paths, uids, mount options or commands.
public enum HostRequest: Sendable, Codable, Equatable {
  case hello(version: Int)
  case create(CreateSandbox)
  case list
  /// Kills everything in the sandbox. With `keep`, its writable layer becomes that snapshot; else it is removed.
  /// Idempotent: a sandbox that is gone answers the same.
  case terminate(SandboxID, keep: SnapshotID?)
  /// Freezes or thaws every process of the sandbox.
  case freeze(SandboxID)
  case thaw(SandboxID)
  /// Keeps the writable layer as that snapshot while the sandbox lives on, frozen for the moment it takes. Idempotent.
  case snapshot(SandboxID, as: SnapshotID)
  /// Stops a build sandbox and publishes its writable layer as an image. Idempotent by image id.
  case publishImage(SandboxID, image: ImageID, manifest: ImageManifest)
  case listImages
  case removeImage(ImageID)
  case listSnapshots
  case removeSnapshot(SnapshotID)
  /// Stops a build sandbox and publishes its `/opt/rookery/agents/NAME` as the bundle of that name.
  case publishBundle(SandboxID, agent: AgentName, manifest: BundleManifest)
  case listBundles
  case listBases
  /// What the machine has and what of it is free now.
  case capacity
  /// What the networks of sandboxes that are started from now on have; kept over restarts.
  case configureNetwork(NetworkSetup)
  /// Images with what they take on the disk and who stands on them.
  case listImageUse
  /// Waits up to `wait` seconds for events after `after`.
  case nextEvents(after: Int64, wait: Int)
}

public enum HostResponse: Sendable, Codable, Equatable {
  case hello(version: Int)
  case created(SandboxRecord)
  case sandboxes([SandboxRecord])
  case done
  case images([ImageManifest])
  case snapshots([SnapshotRecord])
  case bundles([BundleManifest])
  case bases([BaseRecord])
  case capacity(HostCapacity)
  case imageUse([ImageUse])
  case events([HostEvent])
}

public struct CreateSandbox: Sendable, Codable, Equatable {
  public enum Source: Sendable, Codable, Hashable {
    case base(BaseName)
    case image(ImageID)
    case snapshot(SnapshotID)
  }
  public var id: SandboxID
  public var source: Source
  public var limits: Limits
  public var bundles: [AgentName]
  /// Names of commands that explain themselves instead of running: a guard-rail, no boundary. Nil and empty: none.
  public var blockedCommands: [String]?

  public init(id: SandboxID, source: Source, limits: Limits, bundles: [AgentName], blockedCommands: [String]? = nil) {
    self.id = id
    self.source = source
    self.limits = limits
    self.bundles = bundles
    self.blockedCommands = blockedCommands
  }
}

public struct SandboxRecord: Sendable, Codable, Equatable {
  public enum State: String, Sendable, Codable { case running, frozen, dead }
  public var id: SandboxID
  public var state: State
  public var source: CreateSandbox.Source
  public var created: Date
  /// Where `serve` dials the runner: a socket that only `serve`'s user may open.
  public var runnerSocket: String
  /// Bytes of memory that only its processes keep, page cache left out; nil where the host can't tell.
  public var memoryBytes: Int?

  public init(
    id: SandboxID, state: State, source: CreateSandbox.Source, created: Date, runnerSocket: String, memoryBytes: Int? = nil
  ) {
    self.id = id
    self.state = state
    self.source = source
    self.created = created
    self.runnerSocket = runnerSocket
    self.memoryBytes = memoryBytes
  }
}

/// Kept beside an image's layer, under its id.
public struct ImageManifest: Sendable, Codable, Equatable {
  public var id: ImageID
  public var repository: RepositoryName
  public var commit: String
  public var environmentDigest: String
  public var created: Date
  /// What it was built on; the stack of layers follows from it.
  public var parent: CreateSandbox.Source
  /// Bytes that its own layer takes on the disk; the host fills it in.
  public var bytes: Int?

  public init(
    id: ImageID, repository: RepositoryName, commit: String, environmentDigest: String, created: Date, parent: CreateSandbox.Source,
    bytes: Int? = nil
  ) {
    self.id = id
    self.repository = repository
    self.commit = commit
    self.environmentDigest = environmentDigest
    self.created = created
    self.parent = parent
    self.bytes = bytes
  }
}

public struct SnapshotRecord: Sendable, Codable, Equatable {
  public var id: SnapshotID
  public var parent: CreateSandbox.Source
  public var created: Date
  /// Bytes that its own layer takes on the disk; nil for snapshots of earlier versions.
  public var bytes: Int?
  public init(id: SnapshotID, parent: CreateSandbox.Source, created: Date, bytes: Int? = nil) {
    self.id = id
    self.parent = parent
    self.created = created
    self.bytes = bytes
  }
}

/// What a machine has for sandboxes, what of it is free, and what its sandboxes were promised.
public struct HostCapacity: Sendable, Codable, Equatable {
  public var memoryTotalMB: Int
  /// What new programs can have without swapping.
  public var memoryAvailableMB: Int
  public var cpus: Int
  /// Of the file system that holds layers and sandboxes.
  public var diskTotalMB: Int
  public var diskFreeMB: Int
  /// Sandboxes that live, frozen ones included, and the sums of their limits.
  public var sandboxes: Int
  public var promisedMemoryMB: Int
  public var promisedCPUs: Double
  public var promisedDiskMB: Int

  public init(
    memoryTotalMB: Int, memoryAvailableMB: Int, cpus: Int, diskTotalMB: Int, diskFreeMB: Int, sandboxes: Int = 0,
    promisedMemoryMB: Int = 0, promisedCPUs: Double = 0, promisedDiskMB: Int = 0
  ) {
    self.memoryTotalMB = memoryTotalMB
    self.memoryAvailableMB = memoryAvailableMB
    self.cpus = cpus
    self.diskTotalMB = diskTotalMB
    self.diskFreeMB = diskFreeMB
    self.sandboxes = sandboxes
    self.promisedMemoryMB = promisedMemoryMB
    self.promisedCPUs = promisedCPUs
    self.promisedDiskMB = promisedDiskMB
  }
}

public struct BundleManifest: Sendable, Codable, Equatable {
  public var agent: AgentName
  /// Digest of the definition and of what was installed.
  public var digest: String
  public var created: Date
  public init(agent: AgentName, digest: String, created: Date) {
    self.agent = agent
    self.digest = digest
    self.created = created
  }
}

public struct BaseRecord: Sendable, Codable, Equatable {
  public var name: BaseName
  public var created: Date
  /// Addresses (http or https URLs) of the package registries that apt, pip and npm in it are configured for.
  public var registries: [String]?
  /// What it was made of: `debian bookworm`, `directory`, `oci alpine:3.20`. Nil for bases of earlier versions.
  public var origin: String?
  public init(name: BaseName, created: Date, registries: [String]? = nil, origin: String? = nil) {
    self.name = name
    self.created = created
    self.registries = registries
    self.origin = origin
  }
}

public struct NetworkSetup: Sendable, Codable, Equatable {
  /// The authority that sandboxes trust, as PEM: a certificate without its key.
  public var authority: String
  /// TCP ports beside 80 and 443 on which hosts may be reached.
  public var ports: [UInt16]
  public init(authority: String, ports: [UInt16]) {
    self.authority = authority
    self.ports = ports
  }
}

/// An image, what its own layer takes, and what stands on it.
public struct ImageUse: Sendable, Codable, Equatable {
  public var manifest: ImageManifest
  /// MiB of its own layer, without those below.
  public var sizeMB: Int
  /// Layers below and with it, the base not counted.
  public var depth: Int
  public var sandboxes: [SandboxID]
  public var images: [ImageID]
  public var snapshots: [SnapshotID]

  public init(
    manifest: ImageManifest, sizeMB: Int, depth: Int, sandboxes: [SandboxID] = [], images: [ImageID] = [], snapshots: [SnapshotID] = []
  ) {
    self.manifest = manifest
    self.sizeMB = sizeMB
    self.depth = depth
    self.sandboxes = sandboxes
    self.images = images
    self.snapshots = snapshots
  }

  /// Whether nothing at the host keeps it from being removed.
  public var isFree: Bool { sandboxes.isEmpty && images.isEmpty && snapshots.isEmpty }
}

public struct HostEvent: Sendable, Codable, Equatable {
  public enum Kind: Sendable, Codable, Equatable {
    case limitHit(LimitName, detail: String)
    /// It is about to be reached: the sandbox goes on for now.
    case limitWarning(LimitName, detail: String)
    case exited(reason: String)
  }
  public var seq: Int64
  public var sandbox: SandboxID
  public var kind: Kind
  public init(seq: Int64, sandbox: SandboxID, kind: Kind) {
    self.seq = seq
    self.sandbox = sandbox
    self.kind = kind
  }
}

extension Identifier where Kind == SnapshotKind {
  /// The id under which a sandbox's filesystem is kept when it ends. It follows from the sandbox's, so whoever ends a sandbox
  /// (its session, `rookery down`, a clean-up after a crash) keeps the same snapshot, and its session finds it.
  public init(of sandbox: SandboxID) throws { try self.init("s-\(sandbox.rawValue)") }
}
