import ArgumentParser
import RookeryModel

/// `rookery images`
struct ImagesCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "images", abstract: "List images with their size, age and use.",
    discussion: "Images that nothing uses go by themselves: see “images:” in the server's configuration.")

  @OptionGroup var server: ServerOptions
  @OptionGroup var output: JSONOption

  func run() async throws {
    let terminal = Terminal()
    let answer = try await server.client { try await $0.get("/v1/images", as: API.Images.self) }
    if output.json { return try terminal.json(answer) }
    guard !answer.images.isEmpty else { return terminal.note("No images yet. Build one with “rookery repo build”.") }
    var table = Table("IMAGE", "REPOSITORY", "COMMIT", "AGE", "SIZE", "LAYERS", "USE")
    for image in answer.images {
      table.add(
        image.id.rawValue, image.repository.rawValue, String(image.commit.prefix(12)), Quantity.ago(image.created), "\(image.sizeMB) MiB",
        "\(image.depth)", Self.use(image))
    }
    terminal.line(table.text(terminal.output))
    if let free = answer.diskFreeMB { terminal.note("\(free) MiB of disk free") }
  }

  private static func use(_ image: API.ImageDetail) -> String {
    var uses = image.serves ? ["serves"] : []
    func add(_ count: Int, _ one: String) { if count > 0 { uses.append("\(count) \(one)\(count == 1 ? "" : "s")") } }
    add(image.sandboxes.count, "sandbox")
    add(image.images.count, "image")
    add(image.snapshots.count, "snapshot")
    return uses.isEmpty ? "none" : uses.joined(separator: ", ")
  }
}
