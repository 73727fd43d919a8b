/// Which files a program's name may mean, as a shell would look for it.
package enum PathSearch {
  static let standardPath = Array("/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin".utf8)

  /// A name with a slash means that file; any other is looked for in each directory of the environment's PATH, an empty one meaning the
  /// working directory.
  package static func candidates(program: [UInt8], environment: [[UInt8]]) -> [[UInt8]] {
    let slash = UInt8(ascii: "/")
    if program.contains(slash) { return [program] }
    let prefix = Array("PATH=".utf8)
    let path = environment.last { $0.starts(with: prefix) }.map { Array($0.dropFirst(prefix.count)) } ?? standardPath
    return path.split(separator: UInt8(ascii: ":"), omittingEmptySubsequences: false).map { directory in
      directory.isEmpty ? program : directory + [slash] + program
    }
  }
}
