import Foundation
import RookeryModel

/// Which images go, as a value. What serves, what something stands on, and what may be on its way into the registry stays.
struct ImageRetention: Sendable, Equatable {
  /// Earlier images that each repository keeps.
  var keep: Int
  /// Seconds after which an earlier image goes.
  var maxAge: Double
  /// MiB that all images may take; nil: no bound.
  var maxTotalMB: Int?
  /// Seconds for which an image stays that no record names.
  var grace = 86_400.0

  init(keep: Int, maxAge: Double, maxTotalMB: Int? = nil) {
    self.keep = keep
    self.maxAge = maxAge
    self.maxTotalMB = maxTotalMB
  }

  /// The images to remove, an image before those that it stands on.
  ///
  /// - Parameters:
  ///   - serving: images that repositories' new sessions start from.
  ///   - recorded: images of builds that the registry knows.
  ///   - tight: disk is short: no earlier image is kept.
  func excess(_ images: [ImageUse], serving: Set<ImageID>, recorded: Set<ImageID>, now: Date, tight: Bool = false) -> [ImageID] {
    let newestFirst = images.sorted { ($0.manifest.created, $0.manifest.id) > ($1.manifest.created, $1.manifest.id) }
    var rank: [RepositoryName: Int] = [:]
    var unwanted: [ImageUse] = []
    var kept: [ImageUse] = []
    for image in newestFirst where !serving.contains(image.manifest.id) {
      let age = now.timeIntervalSince(image.manifest.created)
      guard recorded.contains(image.manifest.id) else {
        if age > grace { unwanted.append(image) }
        continue
      }
      // Only those count that could go: what is stood upon stays for another reason.
      guard image.isFree else { continue }
      let place = rank[image.manifest.repository, default: 0]
      rank[image.manifest.repository] = place + 1
      if tight || place >= keep || age > maxAge { unwanted.append(image) } else { kept.append(image) }
    }
    if let maxTotalMB {
      var total = images.reduce(0) { $0 + $1.sizeMB } - unwanted.reduce(0) { $0 + $1.sizeMB }
      // The oldest first.
      while total > maxTotalMB, let oldest = kept.popLast() {
        unwanted.append(oldest)
        total -= oldest.sizeMB
      }
    }
    return closed(unwanted, images, serving).map(\.manifest.id)
  }

  /// Those of `unwanted` that nothing but each other stands on, each before those below it; and what lies below them that served
  /// only them.
  private func closed(_ unwanted: [ImageUse], _ images: [ImageUse], _ serving: Set<ImageID>) -> [ImageUse] {
    let byID = Dictionary(images.map { ($0.manifest.id, $0) }, uniquingKeysWith: { first, _ in first })
    var wanted = Set(unwanted.map(\.manifest.id))
    var gone: Set<ImageID> = []
    var order: [ImageUse] = []
    var pending = unwanted.sorted { $0.manifest.created > $1.manifest.created }
    while let image = pending.first {
      pending.removeFirst()
      let id = image.manifest.id
      let isFree = image.sandboxes.isEmpty && image.snapshots.isEmpty && gone.isSuperset(of: image.images)
      guard wanted.contains(id), !gone.contains(id), !serving.contains(id), isFree else { continue }
      gone.insert(id)
      order.append(image)
      // An earlier image that only this one stood on was kept for it alone.
      if case .image(let parent) = image.manifest.parent, let below = byID[parent], below.images.allSatisfy(gone.contains) {
        wanted.insert(parent)
        pending.insert(below, at: 0)
      }
    }
    return order
  }
}
