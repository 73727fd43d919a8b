import Crypto
import Foundation
import RookeryModel
import RookeryRunner
import Testing

@testable import RookerySandbox

@Suite struct CanariesTests {
  private static let secret = "pA5s/w+rd=with odd~chars"

  private func found(_ text: [UInt8], secrets: [String] = [secret]) throws -> Bool {
    let key = try #require(FingerprintKey((0..<32).map { UInt8($0 * 7 + 1) }))
    let set = FingerprintSet(key: key, Canaries(secrets.map { Secret($0) }).fingerprints(key))
    var labels: Set<String> = []
    text.withUnsafeBytes { set.find(in: $0, &labels) }
    return !labels.isEmpty
  }

  @Test(arguments: ["", "x", "xy", "xyz", "{\"k\": \""], ["", "!", "tail of it"])
  func isFoundPlainAndInBase64AtAnyAlignment(before: String, after: String) throws {
    let text = before + Self.secret + after
    #expect(try found(Array(text.utf8)))
    let encoded = Data(text.utf8).base64EncodedString()
    #expect(try found(Array(encoded.utf8)))
    #expect(try found(Array(encoded.replacing("+", with: "-").replacing("/", with: "_").utf8)))
    #expect(try found(Array(text.utf8.map { String(format: "%02x", $0) }.joined().utf8)))
    #expect(try found(Array(text.utf8.map { String(format: "%02X", $0) }.joined().utf8)))
    let escaped = try #require(text.addingPercentEncoding(withAllowedCharacters: .alphanumerics.union(.init(charactersIn: "-._~"))))
    #expect(try found(Array(escaped.utf8)))
    #expect(try found(Array(JSONEncoder().encode([text]))))
  }

  @Test func nothingElseIsFound() throws {
    #expect(try !found(Array(Self.secret.dropLast().utf8)))
    #expect(try !found(Array(Self.secret.uppercased().utf8)))
    #expect(try !found([UInt8](repeating: 0x41, count: 100_000)))
    #expect(try !found(Array("short".utf8), secrets: ["short"]), "too short to mean anything")
  }

  @Test(arguments: [8, 9, 96, 97, 1700])
  func secretsOfAnyLengthAreFound(length: Int) throws {
    var generator = SystemRandomNumberGenerator()
    let secret = String((0..<length).map { _ in Character(UnicodeScalar(UInt8.random(in: 0x30...0x7a, using: &generator))) })
    #expect(try found(Array("--\(secret)--".utf8), secrets: [secret]))
    #expect(try found(Array(Data("a\(secret)".utf8).base64EncodedString().utf8), secrets: [secret]))
  }

  @Test func marksTellWhetherEverythingWasLookedFor() {
    let key = [UInt8](repeating: 1, count: 32)
    let one = CredentialScan(secrets: [Secret("first-secret")], markKey: key)
    let two = CredentialScan(secrets: [Secret("first-secret"), Secret("second-secret")], markKey: key)
    #expect(one.isCovered(by: two.marks))
    #expect(!two.isCovered(by: one.marks))
    #expect(!two.marks.joined().contains("secret"))
  }

  @Test func exampleOrNot() {
    let verdict = ScanVerdict(
      [
        .format("a GitHub token", "/workspace/app/node_modules/x/test.js"), .format("a GitHub token", "/workspace/app/notes.txt"),
        .store("a .netrc password", "/home/agent/.netrc"), .known("a secret of the server", "/usr/share/doc/x"), .pack("/a/b.idx"),
        .format("a private key", "/srv/examples/key.pem"), .unreadable("/x", 5), .done(files: 2, bytes: 3),
      ], allowed: ["/srv/examples"])
    #expect(verdict.doubtful.map(\.path) == ["/workspace/app/notes.txt", "/home/agent/.netrc"])
    #expect(verdict.refused.count == 2)
    #expect(verdict.notes.count == 2)
    #expect(verdict.packs == ["/a/b.idx"])
    #expect(verdict.extent?.files == 2)
    #expect(ScanVerdict([], allowed: []).extent == nil, "a scan that did not come to its end")
  }

  @Test(arguments: [
    ScanFinding.known("a b", "/x\ty\nz\\"), .format("f", "/a"), .store("s", "/b"), .unreadable("/c", 13), .pack("/d.idx"),
    .done(files: 1, bytes: 2),
  ])
  func findingsSurviveTheirLine(finding: ScanFinding) {
    #expect(!finding.line.contains("\n"))
    #expect(ScanFinding(finding.line) == finding)
  }
}
