import Foundation
import Glibc
import RookeryControl
import RookeryModel

/// The root filesystems at the bottom of every stack: `C/bases/NAME`, listed in `C/bases.json`, both root's.
struct BaseCatalogue: Sendable {
  static let listName = "bases.json"

  let cacheDirectory: String

  /// What `bases.json` lists. An absent file lists nothing. Throws `configurationInvalid` when others than root may write it.
  func list() throws -> [BaseRecord] {
    let path = cacheDirectory + "/" + Self.listName
    var status = stat()
    if lstat(path, &status) != 0 {
      if errno == ENOENT { return [] }
      throw RookeryError.system("stat(\(path))", errno)
    }
    guard status.st_mode & S_IFMT == S_IFREG, status.st_uid == geteuid(), status.st_mode & 0o022 == 0 else {
      throw RookeryError(.configurationInvalid, "\(path) may be written by others than root.", mend: "chown root, chmod 0644.")
    }
    guard let data = try Directory(path: cacheDirectory).read(Self.listName) else { return [] }
    return try JSON.decode([BaseRecord].self, from: data)
  }

  /// The tree of a base. Throws `notFound` when it is not listed.
  func tree(of name: BaseName) throws -> String {
    guard try list().contains(where: { $0.name == name }) else {
      throw RookeryError(.notFound, "There is no base \(name).", mend: "Make it: “rookery base make”.")
    }
    return "\(cacheDirectory)/bases/\(name)"
  }
}
