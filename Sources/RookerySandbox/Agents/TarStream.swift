/// The headers of a tar archive of regular files, in the form that every tar reads (ustar, long names the GNU way).
enum TarStream {
  static let block = 512

  /// What precedes the bytes of a file of `size`.
  static func header(name: String, size: Int) -> [UInt8] {
    let bytes = Array(name.utf8)
    guard bytes.count > 100 else { return entry(name: bytes, size: size, kind: 0x30) }
    let long = entry(name: Array("././@LongLink".utf8), size: bytes.count + 1, kind: 0x4c)
    return long + bytes + [0] + padding(after: bytes.count + 1) + entry(name: Array(bytes.prefix(100)), size: size, kind: 0x30)
  }

  /// What follows the bytes of a file of `size`.
  static func padding(after size: Int) -> [UInt8] {
    [UInt8](repeating: 0, count: (block - size % block) % block)
  }

  /// What ends the archive.
  static let end = [UInt8](repeating: 0, count: 2 * block)

  private static func entry(name: [UInt8], size: Int, kind: UInt8) -> [UInt8] {
    var header = [UInt8](repeating: 0, count: block)
    func put(_ bytes: [UInt8], at offset: Int) { header.replaceSubrange(offset..<offset + bytes.count, with: bytes) }
    func octal(_ value: Int, width: Int) -> [UInt8] {
      let digits = Array(String(value, radix: 8).utf8)
      return [UInt8](repeating: 0x30, count: max(0, width - 1 - digits.count)) + digits + [0]
    }
    put(name, at: 0)
    put(octal(0o644, width: 8), at: 100)
    put(octal(0, width: 8), at: 108)
    put(octal(0, width: 8), at: 116)
    put(octal(size, width: 12), at: 124)
    put(octal(0, width: 12), at: 136)
    put([UInt8](repeating: 0x20, count: 8), at: 148)
    header[156] = kind
    put(Array("ustar  ".utf8) + [0], at: 257)
    let sum = header.reduce(0) { $0 + Int($1) }
    put(Array(octal(sum, width: 7)) + [0x20], at: 148)
    return header
  }
}
