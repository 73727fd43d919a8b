import Foundation
import RookeryConfiguration
import RookeryModel

/// The steps of building an image, as a value: each call says what happened and returns what to do next.
///
/// Valid transitions: `idle → create → clone → readEnvironment → setup… → finalise → publish → done`. A build on top of an
/// earlier image starts over from the base (`discard → create …`) when the environment changed or when any step fails,
/// since what an earlier setup left behind may be why. Everything else that fails ends in `fail`.
struct ImageBuild: Sendable {
  enum Action: Sendable, Equatable {
    /// A sandbox from `source` that may read the repository through the git broker.
    case create(CreateSandbox.Source)
    /// The repository at the commit: a clone, or in an earlier image's working copy a fetch.
    case checkOut(fetching: Bool)
    case readEnvironment
    /// Setup command `index` of `count`.
    case setUp(index: Int, count: Int, command: String)
    /// Nothing runs and nothing temporary is left; the working copy belongs to the agent's account.
    case finalise
    case publish(ImageManifest)
    /// Ends the sandbox of an attempt that built on an earlier image, because of `reason`.
    case discard(reason: String)
    case done(ImageManifest, EnvironmentFile)
    case fail(RookeryError)

    /// The step's name in the log.
    var step: String {
      switch self {
      case .create, .discard: "prepare"
      case .checkOut, .readEnvironment: "clone"
      case .setUp(let index, let count, _): "setup \(index)/\(count)"
      case .finalise, .publish, .done, .fail: "finalise"
      }
    }
  }

  /// What is built.
  struct Subject: Sendable, Equatable {
    var image: ImageID
    var repository: RepositoryName
    var commit: String
    var base: BaseName
    /// The earlier image, when a build may start from it.
    var previous: ImageManifest?
  }

  private let subject: Subject
  private var previous: ImageManifest?
  private var environment = EnvironmentFile()
  private var environmentDigest = ""
  private(set) var current: Action?

  init(_ subject: Subject) {
    self.subject = subject
    previous = subject.previous
  }

  mutating func begin() -> Action {
    go(.create(source))
  }

  /// The action that was current is done.
  mutating func succeeded(at now: Date) -> Action {
    switch current {
    case .create: go(.checkOut(fetching: previous != nil))
    case .checkOut: go(.readEnvironment)
    case .setUp(let index, _, _): go(setUp(after: index))
    case .finalise:
      go(
        .publish(
          ImageManifest(
            id: subject.image, repository: subject.repository, commit: subject.commit, environmentDigest: environmentDigest, created: now,
            parent: source)))
    case .publish(let manifest): go(.done(manifest, environment))
    case .discard: go(.create(source))
    case .readEnvironment, .done, .fail, nil: go(.fail(Self.disordered))
    }
  }

  /// `readEnvironment` found `file`; `digest` covers everything that decides what setup does.
  mutating func read(_ file: EnvironmentFile, digest: String) -> Action {
    guard current == .readEnvironment else { return go(.fail(Self.disordered)) }
    if let previous, previous.environmentDigest != digest { return startOver("the environment changed") }
    environment = file
    environmentDigest = digest
    return go(setUp(after: 0))
  }

  mutating func failed(_ error: RookeryError) -> Action {
    // A file that can't be read is the commit's fault, whatever it is built on.
    guard previous != nil, error.code != .environmentInvalid else { return go(.fail(error)) }
    switch current {
    // The earlier image's content has no part in these.
    case .discard, .publish, .done, .fail, nil: return go(.fail(error))
    case .create, .checkOut, .readEnvironment, .setUp, .finalise: return startOver(error.message)
    }
  }

  private var source: CreateSandbox.Source {
    previous.map { .image($0.id) } ?? .base(subject.base)
  }

  private func setUp(after index: Int) -> Action {
    let commands = environment.setup
    return index < commands.count ? .setUp(index: index + 1, count: commands.count, command: commands[index]) : .finalise
  }

  private mutating func startOver(_ reason: String) -> Action {
    previous = nil
    return go(.discard(reason: reason))
  }

  private mutating func go(_ action: Action) -> Action {
    current = action
    return action
  }

  private static let disordered = RookeryError(.internal, "The image build lost its order.", mend: "Build the repository again.")
}
