import Foundation
import RookeryModel
import Testing

@testable import RookerySandbox

@Suite struct ImageRetentionTests {
  private static let now = Date(timeIntervalSince1970: 10_000_000)

  /// An image by its number; greater ones are newer, an hour each.
  private func image(
    _ number: Int, of repository: String = "app", on parent: Int? = nil, below: [Int] = [], sizeMB: Int = 10, sandbox: Bool = false,
    snapshot: Bool = false, hours: Double? = nil
  ) throws -> ImageUse {
    let source: CreateSandbox.Source = try parent.map { .image(try ImageID("i-\($0)")) } ?? .base(try BaseName("base"))
    let manifest = ImageManifest(
      id: try ImageID("i-\(number)"), repository: try RepositoryName(repository), commit: "c", environmentDigest: "d",
      created: Self.now.addingTimeInterval(-3600 * (hours ?? Double(100 - number))), parent: source)
    return ImageUse(
      manifest: manifest, sizeMB: sizeMB, depth: 1, sandboxes: sandbox ? [try SandboxID("s")] : [],
      images: try below.map { try ImageID("i-\($0)") }, snapshots: snapshot ? [try SnapshotID("n")] : [])
  }

  private func excess(
    _ images: [ImageUse], serving: [Int], recorded: [Int]? = nil, keep: Int = 2, maxAgeHours: Double = 1e6, maxTotalMB: Int? = nil,
    tight: Bool = false
  ) throws -> [String] {
    let retention = ImageRetention(keep: keep, maxAge: maxAgeHours * 3600, maxTotalMB: maxTotalMB)
    let known = try recorded.map { try Set($0.map { try ImageID("i-\($0)") }) } ?? Set(images.map(\.manifest.id))
    return retention.excess(
      images, serving: Set(try serving.map { try ImageID("i-\($0)") }), recorded: known, now: Self.now, tight: tight
    ).map(\.rawValue)
  }

  @Test func eachRepositoryKeepsItsNewest() throws {
    let images = try (1...5).map { try image($0) } + (11...13).map { try image($0, of: "other") }
    #expect(Set(try excess(images, serving: [5, 13])) == ["i-1", "i-2"])
  }

  @Test func whatIsStoodUponStays() throws {
    let images = try [
      image(1, below: [2]), image(2, on: 1, below: [3]), image(3, on: 2), image(4, sandbox: true), image(5, snapshot: true),
    ]
    #expect(try excess(images, serving: [3], keep: 0) == [])
  }

  @Test func aStackGoesFromItsTop() throws {
    let images = try [image(1, below: [2]), image(2, on: 1, below: [3]), image(3, on: 2), image(9)]
    #expect(try excess(images, serving: [9], keep: 0) == ["i-3", "i-2", "i-1"])
    // Not what serves, nor what that stands on.
    #expect(try excess(images, serving: [2, 9], keep: 0) == ["i-3"])
  }

  @Test func theOldGo() throws {
    let images = try [image(1, hours: 50), image(2, hours: 20), image(3, hours: 200)]
    #expect(try excess(images, serving: [3], maxAgeHours: 40) == ["i-1"])
  }

  @Test func theOldestGoUntilTheRestFits() throws {
    let images = try (1...4).map { try image($0, sizeMB: 100) }
    #expect(
      try excess(images, serving: [4], keep: 10, maxTotalMB: 250) == ["i-2", "i-1"]
        || excess(images, serving: [4], keep: 10, maxTotalMB: 250) == ["i-1", "i-2"])
    #expect(try excess(images, serving: [4], keep: 10, maxTotalMB: 400) == [])
  }

  /// Published a moment ago, not recorded yet.
  @Test func unrecordedOnesAreSparedForADay() throws {
    let images = try [image(1, hours: 23), image(2, hours: 25)]
    #expect(try excess(images, serving: [], recorded: [], keep: 0) == ["i-2"])
  }

  @Test func whereDiskIsShortNoEarlierOneStays() throws {
    let images = try (1...3).map { try image($0) }
    #expect(Set(try excess(images, serving: [3], keep: 10, tight: true)) == ["i-1", "i-2"])
  }
}
