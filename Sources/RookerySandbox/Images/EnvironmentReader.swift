import Crypto
import Foundation
import RookeryConfiguration
import RookeryModel

/// Reads how a repository wants to be set up, from the commit that is built and nowhere else.
struct EnvironmentReader: Sendable {
  let copy: WorkingCopy

  /// The environment, and what of a foreign file has no meaning here.
  struct Reading: Sendable {
    var file: EnvironmentFile
    var ignored: [String] = []
  }

  /// Our own file; without one a development container's; without either nothing. Throws `environmentInvalid`.
  func read() async throws -> Reading {
    if let own = try await copy.text(of: EnvironmentFile.path) { return Reading(file: try EnvironmentFile.parse(yaml: own)) }
    guard let foreign = try await copy.text(of: DevContainer.path) else { return Reading(file: EnvironmentFile()) }
    let container = try DevContainer.parse(json: foreign)
    return Reading(file: container.environment, ignored: container.ignored)
  }

  /// Covers everything that decides what an image can stand on: the base, packages, setup, variables. What is done anew in each
  /// build (`build`, `warm`, `start`) or at each start has no part in it.
  static func digest(_ file: EnvironmentFile, base: BaseRecord) -> String {
    var hash = SHA256()
    func add(_ text: String) {
      hash.update(data: Data("\(text.utf8.count):".utf8))
      hash.update(data: Data(text.utf8))
    }
    add("image 2")
    add(base.stamp)
    for list in [file.packages.apt, file.packages.pip, file.packages.npm, file.setup, file.inputs] {
      add("\(list.count)")
      list.forEach(add)
    }
    for (name, value) in file.env.sorted(by: { $0.key < $1.key }) {
      add(name)
      add(value)
    }
    return hash.finalize().map { String(format: "%02x", $0) }.joined()
  }
}

extension BaseRecord {
  /// Tells one making of a base from another.
  var stamp: String { "\(name) \(Int(created.timeIntervalSince1970 * 1000))" }
}
