import Foundation
import RookeryConfiguration
import RookeryModel

/// The steps of building an image, as a value: each call says what happened and returns what to do next.
///
/// Valid transitions: `create → checkOut → readEnvironment → install… → setUp… → start → run… → stop → finalise → scan → publish →
/// done`; what a repository doesn't ask for is left out. On an earlier image packages are there already, and setup is run again
/// unless its inputs are the same. A build on an earlier image starts over from the base (`discard → create …`) when the
/// environment changed or when any step fails, since what an earlier setup left behind may be why; so does a fresh one, once, when
/// the file asks for another base. Everything else that fails ends in `fail`.
struct ImageBuild: Sendable {
  enum Action: Sendable, Equatable {
    /// A sandbox from `source` that may read the repository through the git broker.
    case create(CreateSandbox.Source)
    /// The repository at the commit: a clone, or in an earlier image's working copy a fetch.
    case checkOut(fetching: Bool)
    case readEnvironment
    case install(PackageInstall)
    /// Setup command `index` of `count`.
    case setUp(index: Int, count: Int, command: String)
    /// The repository's services, until each is ready.
    case start([EnvironmentFile.Service])
    /// Command `index` of `count` of `build` or `warm`.
    case run(Phase, index: Int, count: Int, command: String)
    case stop
    /// Nothing runs and nothing temporary is left; the working copy belongs to the agent's account.
    case finalise
    case scan
    case publish(ImageManifest)
    /// Ends the sandbox of an attempt, because of `reason`.
    case discard(reason: String)
    case done(ImageManifest)
    case fail(RookeryError)

    /// The step's name in the log.
    var step: String {
      switch self {
      case .create, .discard: "prepare"
      case .checkOut, .readEnvironment: "clone"
      case .install: "packages"
      case .setUp(let index, let count, _): "setup \(index)/\(count)"
      case .start, .stop: "start"
      case .run(let phase, let index, let count, _): "\(phase.rawValue) \(index)/\(count)"
      case .scan: "scan"
      case .finalise, .publish, .done, .fail: "finalise"
      }
    }
  }

  enum Phase: String, Sendable, Equatable { case build, warm }

  /// What is built.
  struct Subject: Sendable, Equatable {
    var image: ImageID
    var repository: RepositoryName
    var commit: String
    var base: BaseName
    /// The earlier image, when a build may start from it.
    var previous: ImageManifest?
    /// Digest of what decided the earlier image's setup; nil when nothing was named.
    var previousInputs: String?
  }

  /// What `readEnvironment` found.
  struct Environment: Sendable, Equatable {
    var file = EnvironmentFile()
    /// Covers everything that decides what an image can stand on: the base, packages, setup, variables.
    var digest = ""
    /// Digest of the files that decide what setup does; nil when none is named.
    var inputs: String?
    /// The base that the file asks for, or the server's.
    var base: BaseName
  }

  private let subject: Subject
  private var base: BaseName
  private var previous: ImageManifest?
  private(set) var environment: Environment
  private(set) var current: Action?
  /// What is still to be done before the image is finalised.
  private var pending: [Action] = []

  init(_ subject: Subject) {
    self.subject = subject
    base = subject.base
    previous = subject.previous
    environment = Environment(base: subject.base)
  }

  mutating func begin() -> Action {
    go(.create(source))
  }

  /// The action that was current is done.
  mutating func succeeded(at now: Date) -> Action {
    switch current {
    case .create: go(.checkOut(fetching: previous != nil))
    case .checkOut: go(.readEnvironment)
    case .install, .setUp, .start, .run, .stop: next()
    case .finalise: go(.scan)
    case .scan:
      go(
        .publish(
          ImageManifest(
            id: subject.image, repository: subject.repository, commit: subject.commit, environmentDigest: environment.digest, created: now,
            parent: source)))
    case .publish(let manifest): go(.done(manifest))
    case .discard: go(.create(source))
    case .readEnvironment, .done, .fail, nil: go(.fail(Self.disordered))
    }
  }

  mutating func read(_ environment: Environment) -> Action {
    guard current == .readEnvironment else { return go(.fail(Self.disordered)) }
    if let previous, previous.environmentDigest != environment.digest {
      base = environment.base
      return startOver("the environment changed")
    }
    if previous == nil, environment.base != base {
      base = environment.base
      return startOver("the repository asks for the base \(base)")
    }
    self.environment = environment
    pending = steps(environment)
    return next()
  }

  mutating func failed(_ error: RookeryError) -> Action {
    // A file that can't be read is the commit's fault, whatever it is built on.
    guard previous != nil, error.code != .environmentInvalid else { return go(.fail(error)) }
    switch current {
    // The earlier image's content has no part in these.
    case .discard, .publish, .done, .fail, nil: return go(.fail(error))
    default: return startOver(error.message)
    }
  }

  /// Whether setup is left out, since the earlier image has it and nothing that it depends on changed.
  private func keepsSetup(_ environment: Environment) -> Bool {
    previous != nil && environment.inputs != nil && environment.inputs == subject.previousInputs
  }

  private func steps(_ environment: Environment) -> [Action] {
    let file = environment.file
    var steps: [Action] = previous == nil ? PackageInstall.plan(file.packages).map { .install($0) } : []
    if !keepsSetup(environment) {
      steps += file.setup.enumerated().map { .setUp(index: $0 + 1, count: file.setup.count, command: $1) }
    }
    let commands: [Action] = [(Phase.build, file.build), (.warm, file.warm)].flatMap { phase, commands in
      commands.enumerated().map { .run(phase, index: $0 + 1, count: commands.count, command: $1) }
    }
    // Services are there for the commands; without any they need not start.
    return steps + (commands.isEmpty || file.start.isEmpty ? commands : [.start(file.start)] + commands + [.stop])
  }

  private var source: CreateSandbox.Source {
    previous.map { .image($0.id) } ?? .base(base)
  }

  private mutating func next() -> Action {
    go(pending.isEmpty ? .finalise : pending.removeFirst())
  }

  private mutating func startOver(_ reason: String) -> Action {
    previous = nil
    pending = []
    return go(.discard(reason: reason))
  }

  private mutating func go(_ action: Action) -> Action {
    current = action
    return action
  }

  private static let disordered = RookeryError(.internal, "The image build lost its order.", mend: "Build the repository again.")
}
