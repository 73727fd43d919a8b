import Foundation
import Logging
import RookeryConfiguration
import RookeryModel
import RookeryStore

/// Which images stay, and what people are shown of them.
extension RepositoryService {
  /// Every image with its size, its age and what stands on it, the newest first.
  package func images() async throws -> API.Images {
    let serving = try await servingImages()
    let images = try await provider.imageUse().sorted { ($0.manifest.created, $0.manifest.id) > ($1.manifest.created, $1.manifest.id) }
    return API.Images(
      images: images.map { API.ImageDetail($0, serves: serving.contains($0.manifest.id)) },
      diskFreeMB: try await provider.capacity().diskFreeMB)
  }

  /// Removes what the configuration doesn't keep. What a sandbox, a snapshot or another image stands on stays.
  package func collectImages(tight: Bool = false) async {
    let settings = configuration.images
    let retention = ImageRetention(keep: settings.keep, maxAge: Double(settings.maxAgeDays) * 86_400, maxTotalMB: settings.maxTotalMB)
    do {
      // The images first: what is published after this look is neither serving nor recorded yet, and not in it.
      let images = try await provider.imageUse()
      var serving = try await servingImages()
      serving.formUnion(active.values.map(\.image))
      // A session may be about to start from the image that served until the last build.
      serving.formUnion(active.values.compactMap(\.repository.image?.id))
      let recorded = Set(try await registry.recordedImages().map(\.image))
      let excess = retention.excess(images, serving: serving, recorded: recorded, now: Date(), tight: tight)
      for image in excess { await removeImage(image) }
    } catch {
      logger.warning("unused images were not removed", metadata: ["error": "\(error)"])
    }
  }

  /// Removes the images of a repository that is gone, as far as nothing stands on them.
  func removeImages(of name: RepositoryName) async {
    do {
      // Newest first: an image built on another one goes before it.
      let images = try await provider.images().filter { $0.repository == name }
      for image in images.sorted(by: { $0.created > $1.created }) { await removeImage(image.id) }
    } catch {
      logger.warning("a repository's images were not removed", metadata: ["repository": "\(name)", "error": "\(error)"])
    }
  }

  /// Throws `diskFull` when too little is free to build an image, after what can go went.
  func checkDisk() async throws {
    let least = configuration.images.minFreeMB
    guard try await provider.capacity().diskFreeMB < least else { return }
    await collectImages(tight: true)
    let free = try await provider.capacity().diskFreeMB
    guard free < least else { return }
    throw RookeryError(
      .diskFull, "Only \(free) MiB of disk are free, and images are built with at least \(least).",
      mend: "Free some, remove repositories that nobody uses, or lower “images: min_free_mb:”.")
  }

  private func servingImages() async throws -> Set<ImageID> {
    Set(try await registry.repositories().compactMap(\.image?.id))
  }

  private func removeImage(_ id: ImageID) async {
    do {
      try await provider.removeImage(id)
      logger.info("an image was removed", metadata: ["image": "\(id)"])
    } catch {
      logger.info("an image stays", metadata: ["image": "\(id)", "reason": "\(error)"])
    }
  }
}
