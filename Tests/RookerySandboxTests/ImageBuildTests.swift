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

  private var environment: EnvironmentFile {
    var file = EnvironmentFile()
    file.setup = ["one", "two"]
    return file
  }

  @Test func aFreshBuildGoesThroughItsSteps() throws {
    var build = ImageBuild(subject)
    let now = Date()
    #expect(build.begin() == .create(.base(subject.base)))
    #expect(build.succeeded(at: now) == .checkOut(fetching: false))
    #expect(build.succeeded(at: now) == .readEnvironment)
    #expect(build.read(environment, digest: "d") == .setUp(index: 1, count: 2, command: "one"))
    #expect(build.current?.step == "setup 1/2")
    #expect(build.succeeded(at: now) == .setUp(index: 2, count: 2, command: "two"))
    #expect(build.succeeded(at: now) == .finalise)
    let manifest = ImageManifest(
      id: subject.image, repository: subject.repository, commit: "c2", environmentDigest: "d", created: now, parent: .base(subject.base))
    #expect(build.succeeded(at: now) == .publish(manifest))
    #expect(build.succeeded(at: now) == .done(manifest, environment))
  }

  @Test func withoutSetupItFinalisesAtOnce() {
    var build = ImageBuild(subject)
    _ = build.begin()
    _ = build.succeeded(at: Date())
    _ = build.succeeded(at: Date())
    #expect(build.read(EnvironmentFile(), digest: "d") == .finalise)
  }

  @Test func aBuildOnAnEarlierImageFetchesAndRunsSetupAgain() {
    var subject = subject
    subject.previous = previous
    var build = ImageBuild(subject)
    #expect(build.begin() == .create(.image(previous.id)))
    #expect(build.succeeded(at: Date()) == .checkOut(fetching: true))
    #expect(build.succeeded(at: Date()) == .readEnvironment)
    #expect(build.read(environment, digest: "same") == .setUp(index: 1, count: 2, command: "one"))
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
    #expect(build.read(environment, digest: "other") == .discard(reason: "the environment changed"))
    #expect(build.succeeded(at: Date()) == .create(.base(subject.base)))
    #expect(build.succeeded(at: Date()) == .checkOut(fetching: false))
    _ = build.succeeded(at: Date())
    #expect(build.read(environment, digest: "other") == .setUp(index: 1, count: 2, command: "one"))
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
    if steps == 3 { _ = build.read(environment, digest: "same") }
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
}
