import Crypto
import Foundation
import RookeryControl
import RookeryModel

/// Wheels in a directory of `serve`'s: what a bundle is installed from. Only archives; nothing in them ever runs here.
struct WheelSet: Sendable {
  struct Wheel: Sendable, Equatable {
    var name: String
    var size: Int
    var sha256: String
  }

  let directory: String
  /// By name.
  let wheels: [Wheel]

  var size: Int { wheels.reduce(0) { $0 + $1.size } }
  /// The wheel of pip itself, which installs the others.
  var pip: Wheel? { wheels.first { $0.name.hasPrefix("pip-") } }

  /// Reads the wheels in `directory`.
  init(directory: String) async throws {
    self.directory = directory
    wheels = try await BlockingThread.run(name: "wheel-digest") {
      let names = try FileManager.default.contentsOfDirectory(atPath: directory).filter { $0.hasSuffix(".whl") }.sorted()
      return try names.map { try Self.wheel($0, in: directory) }
    }
  }

  private static func wheel(_ name: String, in directory: String) throws -> Wheel {
    let file = try FileHandle(forReadingFrom: URL(fileURLWithPath: directory + "/" + name))
    defer { try? file.close() }
    var hash = SHA256()
    var size = 0
    while let bytes = try file.read(upToCount: 1 << 20), !bytes.isEmpty {
      hash.update(data: bytes)
      size += bytes.count
    }
    return Wheel(name: name, size: size, sha256: hash.finalize().map { String(format: "%02x", $0) }.joined())
  }
}
