import RookeryModel
import Testing

@testable import RookerySandbox

@Suite struct RemoteRefsTests {
  private static let one = String(repeating: "1", count: 40)
  private static let two = String(repeating: "a", count: 64)

  @Test func readsTheDefaultBranchAndItsTip() {
    let refs = RemoteRefs("ref: refs/heads/trunk\tHEAD\n\(Self.one)\tHEAD\n")
    #expect(refs.defaultHead == RemoteHead(branch: "trunk", commit: Self.one))
    #expect(refs.hasBranches)
  }

  @Test func readsObjectIdsOfEitherLength() {
    let refs = RemoteRefs("\(Self.two)\trefs/heads/main\n")
    #expect(refs.head(of: "main") == RemoteHead(branch: "main", commit: Self.two))
    #expect(refs.head(of: "other") == nil)
  }

  @Test func aHeadThatNamesNoBranchIsNone() {
    // HEAD names a branch that does not exist: no line for HEAD itself.
    let refs = RemoteRefs("\(Self.one)\trefs/heads/main\n")
    #expect(refs.defaultHead == nil)
    #expect(refs.hasBranches)
  }

  @Test func anEmptyRepositoryHasNothing() {
    #expect(!RemoteRefs("").hasBranches)
  }

  @Test(arguments: [
    "garbage", "\t", "ref: refs/heads/main", "ref: refs/tags/v1\tHEAD", "123\tHEAD", "ZZZZ\trefs/heads/main",
    "ref: refs/heads/../../x\tHEAD", "ref: refs/heads/--upload-pack=x\tHEAD", "\u{1b}[31m\tHEAD",
  ])
  func skipsWhatIsNoRef(_ line: String) {
    #expect(RemoteRefs(line + "\n").defaultHead == nil)
  }

  @Test func aHostileDefaultBranchIsRefused() {
    #expect(RemoteRefs("ref: refs/heads/-x\tHEAD\n\(Self.one)\tHEAD\n").defaultHead == nil)
  }
}

@Suite struct BranchNameTests {
  @Test(arguments: ["main", "feature/one", "a.b", "v1_2-3", "ünï"])
  func accepts(_ name: String) { #expect(BranchName.problem(name) == nil) }

  @Test(arguments: [
    "", "-x", "/x", "x/", "x.", "a..b", "a//b", "a@{b", "@", "HEAD", "a b", "a~b", "a^b", "a:b", "a?b", "a*b", "a[b", "a\\b", ".a",
    "a/.b", "a.lock", "a.lock/b", "a\nb", "a\u{7f}b",
  ])
  func refuses(_ name: String) { #expect(BranchName.problem(name) != nil) }

  @Test func refusesLongNames() { #expect(BranchName.problem(String(repeating: "a", count: 201)) != nil) }
}
