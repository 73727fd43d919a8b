import CSandbox
import Foundation
import Glibc
import RookeryControl
import RookeryModel

/// An image in an OCI image layout on disk, as skopeo, buildah and docker's buildx write it. It is not trusted: digests are checked,
/// and layers are unpacked where nothing but the target can be written.
struct OCILayout {
  private struct Index: Decodable { var manifests: [Descriptor] }
  private struct Manifest: Decodable { var layers: [Descriptor] }
  private struct Descriptor: Decodable {
    struct Platform: Decodable {
      var architecture: String
      var os: String
    }
    var mediaType: String?
    var digest: String
    var size: Int
    var platform: Platform?
    var annotations: [String: String]?
  }

  private static let maximumLayers = 200
  private static let tag = "org.opencontainers.image.ref.name"

  let path: String
  let name: String?

  /// `DIR` or `DIR:TAG`.
  init(_ text: String) {
    let slash = text.lastIndex(of: "/") ?? text.startIndex
    if let colon = text[slash...].lastIndex(of: ":") {
      path = String(text[..<colon])
      name = String(text[text.index(after: colon)...])
    } else {
      path = text
      name = nil
    }
  }

  /// Puts the image's layers onto each other in `target`.
  func unpack(to target: String, progress: (String) -> Void) throws {
    let layout = try Directory(path: path)
    guard layout.exists("oci-layout"), let data = try layout.read("index.json") else {
      throw RookeryError(.badRequest, "\(path) is not an OCI image layout.", mend: "It must hold oci-layout, index.json and blobs.")
    }
    let manifest = try manifest(try decode(Index.self, data, "index.json"), layout, depth: 0)
    guard manifest.layers.count <= Self.maximumLayers else { throw Self.invalid("has more than \(Self.maximumLayers) layers") }
    for (number, layer) in manifest.layers.enumerated() {
      progress("Unpacking layer \(number + 1) of \(manifest.layers.count), \(layer.size >> 20) MB.")
      try apply(try blob(layer), to: target)
    }
  }

  /// The manifest for this machine; an index may lead to another one.
  private func manifest(_ index: Index, _ layout: Directory, depth: Int) throws -> Manifest {
    var candidates = index.manifests
    if depth == 0, let name { candidates = candidates.filter { $0.annotations?[Self.tag] == name } }
    let fitting = candidates.filter { $0.platform == nil || $0.platform?.os == "linux" && $0.platform?.architecture == Self.architecture }
    guard let chosen = fitting.first, depth < 3 else {
      throw Self.invalid("holds no image\(name.map { " tagged “\($0)”" } ?? "") for linux/\(Self.architecture)")
    }
    guard fitting.count == 1 || name != nil || depth > 0 else {
      throw RookeryError(.badRequest, "\(path) holds several images.", mend: "Name one by its tag: \(path):TAG.")
    }
    let data = try Data(contentsOf: URL(fileURLWithPath: try blob(chosen)))
    if let next = try? JSONDecoder().decode(Index.self, from: data) { return try manifest(next, layout, depth: depth + 1) }
    return try decode(Manifest.self, data, "manifest")
  }

  /// The path of a blob whose content has its digest.
  private func blob(_ descriptor: Descriptor) throws -> String {
    let parts = descriptor.digest.split(separator: ":").map(String.init)
    guard parts.count == 2, parts[0] == "sha256", parts[1].utf8.count == 64,
      parts[1].utf8.allSatisfy({ (0x30...0x39).contains($0) || (0x61...0x66).contains($0) })
    else { throw Self.invalid("names the digest “\(descriptor.digest.prefix(100))”, which is not SHA-256") }
    let file = "\(path)/blobs/sha256/\(parts[1])"
    var status = stat()
    guard lstat(file, &status) == 0, status.st_mode & S_IFMT == S_IFREG, Int(status.st_size) == descriptor.size else {
      throw Self.invalid("lacks the blob \(parts[1].prefix(12)), or it has another size")
    }
    let sum = try HostProgram(["sha256sum", "--", file], what: "A blob can't be read").run()
    guard sum.hasPrefix(parts[1]) else { throw Self.invalid("has a blob whose content is not that of its name") }
    return file
  }

  /// Takes away what the layer hides, then unpacks it. tar runs with the machine's files read-only but for the target, so that no
  /// link which an earlier layer left leads it anywhere.
  private func apply(_ blob: String, to target: String) throws {
    let listing = try confined(["tar", "--list", "--file", blob], target, "A layer can't be read")
    let tree = try Directory(path: target)
    for entry in listing.split(separator: "\n") {
      let parts = entry.split(separator: "/").map(String.init).filter { $0 != "." }
      guard let last = parts.last, last.hasPrefix(".wh."), !parts.contains("..") else { continue }
      guard let parent = try tree.directory(parts.dropLast().isEmpty ? "." : parts.dropLast().joined(separator: "/")) else { continue }
      if last == ".wh..wh..opq" {
        for name in try parent.names() { try TreeWalk.remove(name, in: parent) }
      } else {
        try TreeWalk.remove(String(last.dropFirst(".wh.".count)), in: parent)
      }
    }
    try confined(
      [
        "tar", "--extract", "--file", blob, "--directory", target, "--numeric-owner", "--same-owner", "--preserve-permissions",
        "--xattrs", "--xattrs-include=security.capability", "--delay-directory-restore", "--exclude=.wh.*", "--exclude=dev/*",
        "--exclude=./dev/*",
      ], target, "A layer can't be unpacked")
  }

  @discardableResult
  private func confined(_ arguments: [String], _ target: String, _ what: String) throws -> String {
    try HostProgram(
      [
        "bwrap", "--ro-bind", "/", "/", "--bind", target, target, "--unshare-net", "--unshare-pid", "--unshare-ipc", "--die-with-parent",
        "--cap-drop", "ALL", "--cap-add", "CAP_CHOWN", "--cap-add", "CAP_DAC_OVERRIDE", "--cap-add", "CAP_FOWNER", "--cap-add",
        "CAP_FSETID", "--cap-add", "CAP_SETFCAP", "--",
      ] + arguments, what: what
    ).run()
  }

  private func decode<Value: Decodable>(_ type: Value.Type, _ data: Data, _ what: String) throws -> Value {
    do { return try JSONDecoder().decode(type, from: data) } catch {
      throw RookeryError(
        .badRequest, "The image's \(what) can't be read.", mend: "Fetch the image again.", context: String(describing: error))
    }
  }

  private static func invalid(_ what: String) -> RookeryError {
    RookeryError(.badRequest, "The image \(what).", mend: "Fetch it again.")
  }

  private static let architecture: String = {
    #if arch(x86_64)
      "amd64"
    #elseif arch(arm64)
      "arm64"
    #else
      "unknown"
    #endif
  }()
}
