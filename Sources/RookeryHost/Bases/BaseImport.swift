import Foundation
import Glibc
import RookeryControl
import RookeryModel

/// Adds bases that were made elsewhere: a root filesystem in a directory, or an OCI image.
package struct BaseImport: Sendable {
  package enum Source: Sendable, Equatable {
    /// A root filesystem.
    case directory(String)
    /// An OCI image layout (`DIR` or `DIR:TAG`).
    case layout(String)
    /// `docker://…`, which skopeo fetches.
    case registry(String)

    /// `--from-oci`'s value.
    package init(oci: String) { self = oci.contains("://") ? .registry(oci) : .layout(oci) }
  }

  private let cacheDirectory: String

  package init(cacheDirectory: String) { self.cacheDirectory = cacheDirectory }

  /// Adds the base `name`. Needs root. Throws `conflict` when there is one of that name, `badRequest` when the source is no root
  /// filesystem with what images need.
  package func add(_ name: BaseName, from source: Source, progress: @escaping @Sendable (String) -> Void) async throws {
    try await BlockingThread.run(name: "base-add") {
      let store = try BaseStore(cacheDirectory: cacheDirectory, progress: progress)
      guard try !store.contains(name) else {
        throw RookeryError(.conflict, "There is a base \(name).", mend: "Take another name, or remove it: “rookery base remove \(name)”.")
      }
      try store.add(name, origin: source.origin, progress: progress) { target in
        switch source {
        case .directory(let path): try Self.copy(path, to: target, progress)
        case .layout(let path): try OCILayout(path).unpack(to: target, progress: progress)
        case .registry(let address): try Self.fetch(address, to: target, progress)
        }
        try Self.check(target)
      }
    }
  }

  /// What is there, by name.
  package func list() throws -> [BaseRecord] {
    try BaseCatalogue(cacheDirectory: cacheDirectory).list().sorted { $0.name < $1.name }
  }

  /// Removes a base. Throws `conflict` when an image, a snapshot or a sandbox below `dataDirectory` stands on it.
  package func remove(_ name: BaseName, dataDirectory: String) async throws {
    try await BlockingThread.run(name: "base-remove") {
      let store = try BaseStore(cacheDirectory: cacheDirectory) { _ in }
      if let user = try Self.user(of: name, dataDirectory) {
        throw RookeryError(.conflict, "The base \(name) is in use by \(user).", mend: "Remove that first.")
      }
      try store.remove(name)
    }
  }

  // MARK: Sources

  private static func copy(_ path: String, to target: String, _ progress: (String) -> Void) throws {
    guard path.hasPrefix("/") else { throw RookeryError(.badRequest, "\(path) is not an absolute path.", mend: "Give the whole path.") }
    progress("Copying \(path).")
    // Links are copied as links; sockets, pipes and devices have no meaning in a base.
    try HostProgram(
      ["cp", "--archive", "--reflink=auto", "--one-file-system", "--", path + "/.", target], what: "The root filesystem can't be copied"
    ).run()
    let tree = try Directory(path: target)
    defer { withExtendedLifetime(tree) {} }
    try TreeWalk.forEach(in: tree.descriptor) { parent, name, status in
      guard ![S_IFREG, S_IFDIR, S_IFLNK].contains(status.st_mode & S_IFMT) else { return }
      guard unlinkat(parent, name, 0) == 0 else { throw RookeryError.system("unlink(special file)", errno) }
    }
  }

  private static func fetch(_ address: String, to target: String, _ progress: (String) -> Void) throws {
    guard address.hasPrefix("docker://"), !address.contains("@sha256") || address.count < 500, !address.contains(" ") else {
      throw RookeryError(.badRequest, "“\(address.prefix(200))” is not the address of an image.", mend: "Write docker://HOST/NAME:TAG.")
    }
    let layout = target + ".oci"
    defer { try? FileManager.default.removeItem(atPath: layout) }
    progress("Fetching \(address).")
    try HostProgram(
      ["skopeo", "copy", "--quiet", "--", address, "oci:\(layout):base"], what: "skopeo can't fetch \(address)",
      mend: "Install it: “apt-get install skopeo”, or fetch the image elsewhere as an OCI layout."
    ).run()
    try OCILayout(layout + ":base").unpack(to: target, progress: progress)
  }

  /// What every build needs, said now rather than at the first build.
  private static func check(_ target: String) throws {
    let tree = try Directory(path: target)
    defer { withExtendedLifetime(tree) {} }
    func has(_ name: String, in places: [String]) -> Bool { places.contains { (try? tree.directory($0))??.exists(name) ?? false } }
    let programs = ["usr/bin", "bin", "usr/local/bin", "sbin", "usr/sbin"]
    var missing = ["sh", "git", "find", "install"].filter { !has($0, in: programs) }
    if !has("ca-certificates.crt", in: ["etc/ssl/certs"]), !has("cert.pem", in: ["etc/ssl"]) { missing.append("ca-certificates") }
    guard missing.isEmpty else {
      throw RookeryError(
        .badRequest, "The root filesystem lacks \(missing.joined(separator: ", ")).", mend: "Install that in it, then add it again.")
    }
    try TreeWalk.forEach(in: tree.descriptor) { _, _, status in
      guard status.st_uid < IDRange.count, status.st_gid < IDRange.count else {
        throw RookeryError(
          .badRequest, "A file in it belongs to uid \(status.st_uid), gid \(status.st_gid); sandboxes have ids below \(IDRange.count).",
          mend: "Change its owner, then add the base again.")
      }
    }
  }

  private static func user(of name: BaseName, _ dataDirectory: String) throws -> String? {
    guard let data = try? Directory(path: dataDirectory) else { return nil }
    for kind in LayerKind.allCases {
      guard let layers = try data.directory(kind.rawValue) else { continue }
      for id in try layers.names() where !id.hasPrefix(".") {
        guard let manifest = try layers.directory(id)?.read("manifest.json") else { continue }
        if try JSON.decode(LayerManifest.self, from: manifest).parent == .base(name) { return "the layer \(id)" }
      }
    }
    guard let launches = try data.directory("launches") else { return nil }
    return try LaunchRecords(directory: launches).all().first { $0.source == .base(name) }.map { "the sandbox \($0.id)" }
  }
}

extension BaseImport.Source {
  /// As people see it in the list.
  var origin: String {
    switch self {
    case .directory: "directory"
    case .layout(let path): "oci \((path as NSString).lastPathComponent)"
    case .registry(let address): "oci \(address.replacing("docker://", with: ""))"
    }
  }
}
