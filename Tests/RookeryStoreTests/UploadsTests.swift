import Foundation
import RookeryModel
import RookeryTestSupport
import Testing

@testable import RookeryStore

@Suite struct UploadsTests {
  private func make() throws -> (Uploads, TemporaryDirectory) {
    let directory = try TemporaryDirectory(prefix: "rookery-uploads")
    return (Uploads(registry: try Registry(directory: directory.path), directory: directory.path("uploads")), directory)
  }

  @Test func aFileIsItsUploadersAlone() async throws {
    let (uploads, directory) = try make()
    defer { directory.remove() }
    let (ada, grace) = (UserID.random(prefix: "u-"), UserID.random(prefix: "u-"))
    let file = try await uploads.add(Data("hello".utf8), name: "a/b/c.txt", mediaType: "Text/Plain; charset=utf-8", by: ada)
    #expect(file.name == "c.txt")
    #expect(file.mediaType == "text/plain")
    #expect(file.bytes == 5)
    #expect(file.digest == "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824")
    #expect(try await uploads.get(file.digest, of: ada) == (file, Data("hello".utf8)))
    let error = await #expect(throws: RookeryError.self) { try await uploads.get(file.digest, of: grace) }
    #expect(error?.code == .notFound)
    // The same bytes under another name are hers, too; his stay as they were.
    let hers = try await uploads.add(Data("hello".utf8), name: "mine", mediaType: "", by: grace)
    #expect(hers.digest == file.digest)
    #expect(try await uploads.get(file.digest, of: ada).0 == file)
    #expect(try await uploads.get(file.digest, of: grace).0.mediaType == "application/octet-stream")
  }

  @Test(arguments: [("", false), ("/", false), ("..", false), ("a/..", false), ("\u{7}", false), ("-rf", true), ("ä b.png", true)])
  func namesAreOneComponent(name: String, isName: Bool) async throws {
    let (uploads, directory) = try make()
    defer { directory.remove() }
    let user = UserID.random(prefix: "u-")
    if isName {
      let given = try await uploads.add(Data([1]), name: name, mediaType: "x/y", by: user).name
      #expect(!given.hasPrefix("-") && !given.contains("/"))
    } else {
      await #expect(throws: RookeryError.self) { try await uploads.add(Data([1]), name: name, mediaType: "x/y", by: user) }
    }
  }

  @Test func anImageIsWhatItsBytesSay() async throws {
    let (uploads, directory) = try make()
    defer { directory.remove() }
    let user = UserID.random(prefix: "u-")
    let real = try await uploads.add(Data([0xff, 0xd8, 0xff, 0xe0]), name: "x", mediaType: "text/html", by: user)
    #expect(real.mediaType == "image/jpeg")
    let false1 = try await uploads.add(Data("<svg onload=alert(1)>".utf8), name: "x", mediaType: "image/svg+xml", by: user)
    #expect(false1.mediaType == "application/octet-stream")
  }

  @Test func sizesAreBounded() async throws {
    let (uploads, directory) = try make()
    defer { directory.remove() }
    let user = UserID.random(prefix: "u-")
    await #expect(throws: RookeryError.self) { try await uploads.add(Data(), name: "x", mediaType: "x/y", by: user) }
    let error = await #expect(throws: RookeryError.self) {
      try await uploads.add(Data(count: Uploads.limit + 1), name: "x", mediaType: "x/y", by: user)
    }
    #expect(error?.code == .tooLarge)
    var last: RookeryError?
    for number in 0..<11 where last == nil {
      var content = Data(count: Uploads.limit)
      content[0] = UInt8(number + 1)
      do { _ = try await uploads.add(content, name: "x", mediaType: "x/y", by: user) } catch { last = error as? RookeryError }
    }
    #expect(last?.code == .rateLimited)
  }
}
