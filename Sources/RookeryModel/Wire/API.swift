import Foundation

/// Bodies of the HTTP API under `/v1`; openapi.yaml describes the same.
public enum API {
  /// `POST /v1/repositories`
  public struct AddRepository: Sendable, Codable, Equatable {
    public var name: RepositoryName
    public var url: String
    /// The remote's HEAD when absent.
    public var defaultBranch: String?
    public var description: String?
    public var hints: [String]?
    public var agent: AgentName?
    public init(
      name: RepositoryName, url: String, defaultBranch: String? = nil, description: String? = nil, hints: [String]? = nil,
      agent: AgentName? = nil
    ) {
      self.name = name
      self.url = url
      self.defaultBranch = defaultBranch
      self.description = description
      self.hints = hints
      self.agent = agent
    }
  }

  /// `GET /v1/repositories`
  public struct Repositories: Sendable, Codable, Equatable {
    public var repositories: [Repository]
    public init(repositories: [Repository]) { self.repositories = repositories }
  }

  /// `GET /v1/images`
  public struct Images: Sendable, Codable, Equatable {
    public var images: [ImageDetail]
    /// MiB free where images are kept; absent while the sandbox host does not answer.
    public var diskFreeMB: Int?
    public init(images: [ImageDetail], diskFreeMB: Int? = nil) {
      self.images = images
      self.diskFreeMB = diskFreeMB
    }
  }

  /// An image as the provider keeps it.
  public struct ImageDetail: Sendable, Codable, Equatable {
    public var id: ImageID
    public var repository: RepositoryName
    public var commit: String
    public var created: Date
    /// MiB of its own layer.
    public var sizeMB: Int
    /// Layers in its stack, the base not counted.
    public var depth: Int
    /// Whether new sessions of its repository start from it.
    public var serves: Bool
    public var sandboxes: [SandboxID]
    public var images: [ImageID]
    public var snapshots: [SnapshotID]

    public init(_ use: ImageUse, serves: Bool) {
      id = use.manifest.id
      repository = use.manifest.repository
      commit = use.manifest.commit
      created = use.manifest.created
      sizeMB = use.sizeMB
      depth = use.depth
      self.serves = serves
      sandboxes = use.sandboxes
      images = use.images
      snapshots = use.snapshots
    }
  }

  /// `GET /v1/repositories/{name}/build/log?after=number`
  public struct BuildLog: Sendable, Codable, Equatable {
    public var build: BuildSummary
    public var lines: [BuildLine]
    public init(build: BuildSummary, lines: [BuildLine]) {
      self.build = build
      self.lines = lines
    }
  }

  /// `POST /v1/sessions`. A repetition with the same `requestId` and body returns the first one's session.
  public struct CreateSession: Sendable, Codable, Equatable {
    public var requestId: String
    public var repository: RepositoryName
    public var prompt: String
    public var agent: AgentName?
    /// Who the work is by, when the caller is an admin acting for someone.
    public var author: NamedAuthor?
    /// Digests of files that the caller uploaded before.
    public var attachments: [String]?
    /// Who may see it and work in it; the server's usual access when absent.
    public var access: SessionAccess?
    public init(
      requestId: String, repository: RepositoryName, prompt: String, agent: AgentName? = nil, author: NamedAuthor? = nil,
      attachments: [String]? = nil, access: SessionAccess? = nil
    ) {
      self.attachments = attachments
      self.access = access
      self.requestId = requestId
      self.repository = repository
      self.prompt = prompt
      self.agent = agent
      self.author = author
    }
  }

  public struct NamedAuthor: Sendable, Codable, Equatable {
    public var name: String
    public var email: String
    public init(name: String, email: String) {
      self.name = name
      self.email = email
    }
  }

  /// `POST /v1/sessions/{id}/prompts`
  public struct PostPrompt: Sendable, Codable, Equatable {
    public var requestId: String
    public var text: String
    public var author: NamedAuthor?
    /// Absent: it waits for its turn.
    public var mode: PromptMode?
    /// Digests of files that the caller uploaded before.
    public var attachments: [String]?
    public init(
      requestId: String, text: String, author: NamedAuthor? = nil, mode: PromptMode? = nil, attachments: [String]? = nil
    ) {
      self.requestId = requestId
      self.text = text
      self.author = author
      self.mode = mode
      self.attachments = attachments
    }
  }

  /// `POST /v1/sessions/{id}/fork`: a session of its own that goes on from an earlier point of this one.
  public struct ForkSession: Sendable, Codable, Equatable {
    public var requestId: String
    public var prompt: String
    /// From the newest snapshot at or before this event; absent: from the newest.
    public var at: Int64?
    public var author: NamedAuthor?
    public init(requestId: String, prompt: String, at: Int64? = nil, author: NamedAuthor? = nil) {
      self.requestId = requestId
      self.prompt = prompt
      self.at = at
      self.author = author
    }
  }

  /// `GET /v1/sessions/{id}/snapshots`
  public struct Snapshots: Sendable, Codable, Equatable {
    public var snapshots: [SessionSnapshot]
    public init(snapshots: [SessionSnapshot]) { self.snapshots = snapshots }
  }

  /// A point that a session can go back to.
  public struct SessionSnapshot: Sendable, Codable, Equatable {
    public var id: SnapshotID
    /// Of the event that tells of it.
    public var seq: Int64
    public var turn: Int?
    public var created: Date
    public init(id: SnapshotID, seq: Int64, turn: Int?, created: Date) {
      self.id = id
      self.seq = seq
      self.turn = turn
      self.created = created
    }
  }

  /// The answer to a prompt: it is durable, and this is its event.
  public struct PromptReceipt: Sendable, Codable, Equatable {
    public var session: SessionID
    public var prompt: PromptID
    public var seq: Int64
    public init(session: SessionID, prompt: PromptID, seq: Int64) {
      self.session = session
      self.prompt = prompt
      self.seq = seq
    }
  }

  /// `GET /v1/sessions`
  public struct Sessions: Sendable, Codable, Equatable {
    public var sessions: [SessionSummary]
    public init(sessions: [SessionSummary]) { self.sessions = sessions }
  }

  /// `GET /v1/sessions/{id}`
  public struct SessionDetail: Sendable, Codable, Equatable {
    public var session: SessionSummary
    public var prompts: [Prompt]
    public var artifacts: [Artifact]
    /// What the agent waits for an answer to.
    public var permissions: [PermissionRequested]?
    public init(session: SessionSummary, prompts: [Prompt], artifacts: [Artifact], permissions: [PermissionRequested]? = nil) {
      self.permissions = permissions
      self.session = session
      self.prompts = prompts
      self.artifacts = artifacts
    }
  }

  /// `GET /v1/sessions/{id}/events` as JSON
  public struct Events: Sendable, Codable, Equatable {
    public var events: [Event]
    public var generation: Int
    public init(events: [Event], generation: Int) {
      self.events = events
      self.generation = generation
    }
  }

  /// `GET /v1/agents`
  public struct Agents: Sendable, Codable, Equatable {
    public var agents: [AgentSummary]
    public init(agents: [AgentSummary]) { self.agents = agents }
  }

  /// `GET /v1/health`
  public struct Health: Sendable, Codable, Equatable {
    public var status: String
    public var host: Bool
    public var gateway: Bool
    public init(status: String, host: Bool, gateway: Bool) {
      self.status = status
      self.host = host
      self.gateway = gateway
    }
  }

  /// `GET /v1/version`
  public struct Version: Sendable, Codable, Equatable {
    public var version: String
    public var api: String
    public init(version: String, api: String) {
      self.version = version
      self.api = api
    }
  }

  /// Every answer of 400 and above.
  public struct Failure: Sendable, Codable, Equatable {
    public var error: RookeryError
    public init(error: RookeryError) { self.error = error }
  }
}
