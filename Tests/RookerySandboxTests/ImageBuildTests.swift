import Foundation
import RookeryConfiguration
import RookeryModel
import Testing

@testable import RookerySandbox

@Suite struct ImageBuildTests {
  private let subject: ImageBuild.Subject
  private let previous: ImageManifest
  private let failure = RookeryError(.setupFailed, "no")

  init() throws {
    subject = ImageBuild.Subject(
      image: try ImageID("i-new"), repository: try RepositoryName("app"), commit: "c2", base: try BaseName("base"), previous: nil)
    previous = ImageManifest(
      id: try ImageID("i-old"), repository: subject.repository, commit: "c1", environmentDigest: "same", created: Date(),
      parent: .base(subject.base))
  }

  private var file: EnvironmentFile {
    var file = EnvironmentFile()
    file.setup = ["one", "two"]
    return file
  }

  private func found(_ digest: String = "d", inputs: String? = nil, _ file: EnvironmentFile? = nil) -> ImageBuild.Environment {
    ImageBuild.Environment(file: file ?? self.file, digest: digest, inputs: inputs, base: subject.base)
  }

  @Test func aFreshBuildGoesThroughItsSteps() throws {
    var build = ImageBuild(subject)
    let now = Date()
    #expect(build.begin() == .create(.base(subject.base)))
    #expect(build.succeeded(at: now) == .checkOut(fetching: false))
    #expect(build.succeeded(at: now) == .readEnvironment)
    #expect(build.read(found()) == .setUp(index: 1, count: 2, command: "one"))
    #expect(build.current?.step == "setup 1/2")
    #expect(build.succeeded(at: now) == .setUp(index: 2, count: 2, command: "two"))
    #expect(build.succeeded(at: now) == .finalise)
    #expect(build.succeeded(at: now) == .scan)
    let manifest = ImageManifest(
      id: subject.image, repository: subject.repository, commit: "c2", environmentDigest: "d", created: now, parent: .base(subject.base))
    #expect(build.succeeded(at: now) == .publish(manifest))
    #expect(build.succeeded(at: now) == .done(manifest))
  }

  @Test func withoutSetupItFinalisesAtOnce() {
    var build = ImageBuild(subject)
    _ = build.begin()
    _ = build.succeeded(at: Date())
    _ = build.succeeded(at: Date())
    #expect(build.read(found("d", EnvironmentFile())) == .finalise)
  }

  @Test func aBuildOnAnEarlierImageFetchesAndRunsSetupAgain() {
    var subject = subject
    subject.previous = previous
    var build = ImageBuild(subject)
    #expect(build.begin() == .create(.image(previous.id)))
    #expect(build.succeeded(at: Date()) == .checkOut(fetching: true))
    #expect(build.succeeded(at: Date()) == .readEnvironment)
    #expect(build.read(found("same")) == .setUp(index: 1, count: 2, command: "one"))
    _ = build.succeeded(at: Date())
    _ = build.succeeded(at: Date())
    _ = build.succeeded(at: Date())
    guard case .publish(let manifest) = build.succeeded(at: Date()) else {
      Issue.record("nothing is published")
      return
    }
    #expect(manifest.parent == .image(previous.id))
  }

  @Test func anotherEnvironmentStartsOver() {
    var subject = subject
    subject.previous = previous
    var build = ImageBuild(subject)
    _ = build.begin()
    _ = build.succeeded(at: Date())
    _ = build.succeeded(at: Date())
    #expect(build.read(found("other")) == .discard(reason: "the environment changed"))
    #expect(build.succeeded(at: Date()) == .create(.base(subject.base)))
    #expect(build.succeeded(at: Date()) == .checkOut(fetching: false))
    _ = build.succeeded(at: Date())
    #expect(build.read(found("other")) == .setUp(index: 1, count: 2, command: "one"))
    // A second failure is final.
    #expect(build.failed(failure) == .fail(failure))
  }

  @Test(arguments: 0...3)
  func aFailureOnAnEarlierImageStartsOver(_ steps: Int) {
    var subject = subject
    subject.previous = previous
    var build = ImageBuild(subject)
    _ = build.begin()
    for _ in 0..<min(steps, 2) { _ = build.succeeded(at: Date()) }
    if steps == 3 { _ = build.read(found("same")) }
    #expect(build.failed(failure) == .discard(reason: "no"))
    #expect(build.succeeded(at: Date()) == .create(.base(subject.base)))
  }

  @Test func aBadEnvironmentFileIsFinal() {
    var subject = subject
    subject.previous = previous
    var build = ImageBuild(subject)
    _ = build.begin()
    _ = build.succeeded(at: Date())
    _ = build.succeeded(at: Date())
    let invalid = RookeryError(.environmentInvalid, "bad")
    #expect(build.failed(invalid) == .fail(invalid))
  }

  @Test func aFailureOfAFreshBuildIsFinal() {
    var build = ImageBuild(subject)
    _ = build.begin()
    #expect(build.failed(failure) == .fail(failure))
  }

  @Test func packagesComeFirstAndServicesSurroundTheCommands() {
    var file = file
    file.packages.apt = ["tree"]
    file.build = ["b"]
    file.warm = ["w1", "w2"]
    file.start = [.init(name: "db", command: "run", ready: .port(1))]
    var build = ImageBuild(subject)
    _ = build.begin()
    _ = build.succeeded(at: Date())
    _ = build.succeeded(at: Date())
    var actions = [build.read(found("d", file))]
    while actions.last != .finalise, actions.count < 20 { actions.append(build.succeeded(at: Date())) }
    #expect(
      actions == PackageInstall.plan(file.packages).map { .install($0) } + [
        .setUp(index: 1, count: 2, command: "one"), .setUp(index: 2, count: 2, command: "two"), .start(file.start),
        .run(.build, index: 1, count: 1, command: "b"), .run(.warm, index: 1, count: 2, command: "w1"),
        .run(.warm, index: 2, count: 2, command: "w2"), .stop, .finalise,
      ])
  }

  /// Packages are in the earlier image, and setup too where what decides it did not change.
  @Test(arguments: [("a", "a", false), ("a", "b", true), (nil, "a", true), ("a", nil, true), (nil, nil, true)])
  func setupIsLeftOutOnlyWhenItsInputsAreTheSame(before: String?, now: String?, runs: Bool) {
    var subject = subject
    subject.previous = previous
    subject.previousInputs = before
    var file = file
    file.packages.apt = ["tree"]
    file.build = ["b"]
    var build = ImageBuild(subject)
    _ = build.begin()
    _ = build.succeeded(at: Date())
    _ = build.succeeded(at: Date())
    let next = build.read(found("same", inputs: now, file))
    #expect(next == (runs ? .setUp(index: 1, count: 2, command: "one") : .run(.build, index: 1, count: 1, command: "b")))
  }

  @Test func anotherBaseIsTakenOnce() throws {
    var build = ImageBuild(subject)
    _ = build.begin()
    _ = build.succeeded(at: Date())
    _ = build.succeeded(at: Date())
    var other = found()
    other.base = try BaseName("other")
    #expect(build.read(other) == .discard(reason: "the repository asks for the base other"))
    #expect(build.succeeded(at: Date()) == .create(.base(other.base)))
    _ = build.succeeded(at: Date())
    _ = build.succeeded(at: Date())
    #expect(build.read(other) == .setUp(index: 1, count: 2, command: "one"))
  }

  @Test func credentialsInAFreshBuildAreFinal() {
    var build = ImageBuild(subject)
    _ = build.begin()
    _ = build.succeeded(at: Date())
    _ = build.succeeded(at: Date())
    _ = build.read(found("d", EnvironmentFile()))
    #expect(build.succeeded(at: Date()) == .scan)
    let error = RookeryError(.credentialFound, "there")
    #expect(build.failed(error) == .fail(error))
  }
}
