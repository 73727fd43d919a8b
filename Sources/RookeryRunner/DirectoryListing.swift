import Glibc

/// The names in an open directory.
final class DirectoryListing {
  private let stream: OpaquePointer

  /// Takes over `descriptor`; nil, with errno, when it is no directory.
  init?(descriptor: Int32) {
    guard let stream = fdopendir(descriptor) else {
      close(descriptor)
      return nil
    }
    self.stream = stream
  }

  var descriptor: Int32 { dirfd(stream) }

  func next() -> String? {
    guard let entry = readdir(stream) else { return nil }
    return withUnsafePointer(to: &entry.pointee.d_name) { name in
      // d_name is an array of characters that ends with a zero, whatever size its type claims.
      UnsafeRawPointer(name).withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
    }
  }

  deinit { closedir(stream) }
}
