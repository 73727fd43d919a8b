import Foundation
import Glibc
import RookeryControl
import RookeryModel

/// The agent's account in a base: uid and gid 1000, home `/home/agent`, and the places that it works in.
struct BaseAccount {
  static let id: UInt32 = 1000

  let tree: Directory

  /// Adds what is missing. A base whose uid 1000 has another name keeps it.
  func ensure() throws {
    let etc = try tree.existing("etc")
    try append("agent:x:\(Self.id):\(Self.id)::/home/agent:\(shell)\n", to: "passwd", of: etc)
    try append("agent:x:\(Self.id):\n", to: "group", of: etc)
    let home = try directory("home", in: tree, owner: 0)
    _ = try directory("agent", in: home, owner: Self.id)
    _ = try directory("workspace", in: tree, owner: Self.id)
    let opt = try directory("opt", in: tree, owner: 0)
    _ = try directory("agents", in: directory("rookery", in: opt, owner: 0), owner: 0)
  }

  /// Whether a line of /etc/passwd or /etc/group has that number as its third field.
  static func names(_ id: UInt32, in text: String) -> Bool {
    text.split(separator: "\n").contains { line in
      let fields = line.split(separator: ":", omittingEmptySubsequences: false)
      return fields.count >= 3 && fields[2] == "\(id)"
    }
  }

  private var shell: String {
    let hasBash = (try? tree.directory("bin"))??.exists("bash") ?? false || (try? tree.directory("usr/bin"))??.exists("bash") ?? false
    return hasBash ? "/bin/bash" : "/bin/sh"
  }

  private func append(_ line: String, to name: String, of etc: Directory) throws {
    let text = String(decoding: try etc.read(name) ?? Data(), as: UTF8.self)
    guard !Self.names(Self.id, in: text) else { return }
    let whole = text.isEmpty || text.hasSuffix("\n") ? text + line : text + "\n" + line
    try etc.write(name, Data(whole.utf8), mode: 0o644, durable: false)
  }

  private func directory(_ name: String, in parent: Directory, owner: UInt32) throws -> Directory {
    if let found = try parent.directory(name) { return found }
    guard !parent.exists(name) else {
      throw RookeryError(.badRequest, "/\(name) in it is not a directory.", mend: "Make it one, then add the base again.")
    }
    try parent.makeDirectory(name, mode: 0o755, owner: owner)
    return try parent.existing(name)
  }
}
