import RookeryRunner

/// What follows from a scan's findings.
///
/// A secret of the server is refused wherever it lies, and so is what could not be looked through. A file in which a program keeps
/// credentials, and a token or key by its form, is refused too, unless it is an example: below a directory of installed packages,
/// where the operator says so, or in a file that the repository itself brings (the caller asks git).
struct ScanVerdict: Sendable, Equatable {
  /// Refused, whoever brought it.
  var refused: [String] = []
  /// Refused, unless the file is part of the repository's commit: its path.
  var doubtful: [(text: String, path: String)] = []
  /// Worth a line in a log.
  var notes: [String] = []
  /// Indexes of packs that are still to be looked through.
  var packs: [String] = []
  /// Files and bytes that were looked through; nil when the scan did not come to its end.
  var extent: (files: Int, bytes: Int)?

  /// Directories that hold what others published, tests and examples included.
  private static let packageDirectories: Set<String> = [
    "node_modules", "site-packages", "dist-packages", "vendor", ".cache", "mod", "registry",
  ]
  private static let systemPrefixes = ["/usr/share/", "/usr/lib/", "/usr/include/", "/usr/local/lib/", "/opt/"]

  init(_ findings: [ScanFinding], allowed: [String]) {
    for finding in findings {
      switch finding {
      case .known(let label, let path): refused.append("\(label) in \(path)")
      case .unreadable(let path, let error): refused.append("\(path) can't be looked through (error \(error))")
      case .format(let label, let path): judge(label, path, allowed)
      case .store(let label, let path): judge(label, path, allowed)
      case .pack(let path): packs.append(path)
      case .done(let files, let bytes): extent = (files, bytes)
      }
    }
  }

  private mutating func judge(_ label: String, _ path: String, _ allowed: [String]) {
    let text = "\(label) in \(path)"
    if Self.isPublished(path) || allowed.contains(where: { path == $0 || path.hasPrefix($0.hasSuffix("/") ? $0 : $0 + "/") }) {
      notes.append(text)
    } else {
      doubtful.append((text, path))
    }
  }

  private static func isPublished(_ path: String) -> Bool {
    systemPrefixes.contains { path.hasPrefix($0) }
      || path.split(separator: "/").dropLast().contains { packageDirectories.contains(String($0)) }
  }

  static func == (left: Self, right: Self) -> Bool {
    left.refused == right.refused && left.notes == right.notes && left.packs == right.packs && left.extent?.files == right.extent?.files
      && left.doubtful.map(\.path) == right.doubtful.map(\.path)
  }
}
