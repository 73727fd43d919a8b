import Glibc

/// Walks over a file system that nobody vouches for and looks through every regular file that changed since a time: names and links
/// too. Other mounts are left out, links are never followed, holes in files are skipped.
struct TreeScan {
  static let maximumDepth = 250

  /// `SEEK_DATA` and `SEEK_HOLE` of lseek(2), which glibc shows to GNU programs only.
  private static let seekData: Int32 = 3
  private static let seekHole: Int32 = 4

  let fingerprints: FingerprintSet
  /// Seconds since 1970.
  let since: Int
  let report: (ScanFinding) -> Void
  private(set) var files = 0
  private(set) var bytes = 0
  private var buffer = [UInt8](repeating: 0, count: ContentScan.piece)

  init(_ fingerprints: FingerprintSet, since: Int, report: @escaping (ScanFinding) -> Void) {
    self.fingerprints = fingerprints
    self.since = since
    self.report = report
  }

  mutating func scan(_ root: String) {
    let descriptor = open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    var status = stat()
    guard descriptor >= 0, fstat(descriptor, &status) == 0 else { return report(.unreadable(root, errno)) }
    directory(descriptor, root == "/" ? "" : root, status.st_dev, depth: 0)
  }

  /// Takes over `descriptor`.
  private mutating func directory(_ descriptor: Int32, _ path: String, _ device: dev_t, depth: Int) {
    guard depth < Self.maximumDepth, let stream = fdopendir(descriptor) else {
      close(descriptor)
      return report(.unreadable(path, depth < Self.maximumDepth ? errno : ENAMETOOLONG))
    }
    defer { closedir(stream) }
    while let entry = readdir(stream) {
      let name = withUnsafePointer(to: &entry.pointee.d_name) {
        $0.withMemoryRebound(to: CChar.self, capacity: 256) { Array(UnsafeBufferPointer(start: $0, count: strlen($0) + 1)) }
      }
      guard name != [0x2e, 0], name != [0x2e, 0x2e, 0] else { continue }
      self.entry(descriptor, name, path, device, depth)
    }
  }

  private mutating func entry(_ parent: Int32, _ name: [CChar], _ path: String, _ device: dev_t, _ depth: Int) {
    let octets = name.dropLast().map { UInt8(bitPattern: $0) }
    let path = path + "/" + String(decoding: octets, as: UTF8.self)
    var status = stat()
    guard fstatat(parent, name, &status, AT_SYMLINK_NOFOLLOW) == 0 else {
      if errno != ENOENT { report(.unreadable(path, errno)) }
      return
    }
    let isChanged = status.st_ctim.tv_sec >= since
    switch status.st_mode & S_IFMT {
    case S_IFDIR:
      guard status.st_dev == device else { return }
      let child = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
      guard child >= 0 else { return errno == ENOENT ? () : report(.unreadable(path, errno)) }
      if isChanged { text(octets, path) }
      directory(child, path, device, depth: depth + 1)
    case S_IFREG where isChanged:
      text(octets, path)
      file(parent, name, path)
    case S_IFLNK where isChanged:
      var target = [UInt8](repeating: 0, count: 4096)
      let count = readlinkat(parent, name, &target, target.count)
      text(octets + [0x0a] + target.prefix(max(0, count)), path)
    default: break
    }
  }

  /// A name, or what a link says.
  private func text(_ bytes: [UInt8], _ path: String) {
    var scan = ContentScan(fingerprints)
    scan.add(bytes)
    tell(scan, path)
  }

  private mutating func file(_ parent: Int32, _ name: [CChar], _ path: String) {
    let descriptor = openat(parent, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC)
    guard descriptor >= 0 else { return errno == ENOENT ? () : report(.unreadable(path, errno)) }
    defer { close(descriptor) }
    files += 1
    if path.hasSuffix(".idx"), path.contains("/objects/pack/") { report(.pack(path)) }
    var plain = ContentScan(fingerprints)
    var expanded = ContentScan(fingerprints)
    var store: [UInt8] = []
    let isStore = CredentialStores.isStore(path)
    var inflation: Inflation?
    var isFirst = true
    let report = report
    let complete = Self.read(descriptor, &buffer, &bytes) { piece in
      if isFirst, Inflation.isCompressed(piece) || Self.isLooseObject(path) { inflation = Inflation() }
      isFirst = false
      plain.add(piece)
      if isStore, store.count < CredentialStores.limit { store.append(contentsOf: piece.prefix(CredentialStores.limit)) }
      do throws(Inflation.Failure) { try inflation?.add(piece) { expanded.add($0) } } catch {
        report(.unreadable(path, EFBIG))
        inflation = nil
      }
    }
    if !complete { report(.unreadable(path, errno)) }
    tell(plain, path)
    tell(expanded, path)
    if isStore { for label in CredentialStores.judge(path, store) { report(.store(label, path)) } }
  }

  /// Reads what is not a hole. Returns false when the file can't be read to its end.
  private static func read(
    _ descriptor: Int32, _ buffer: inout [UInt8], _ bytes: inout Int, _ body: (UnsafeRawBufferPointer) -> Void
  ) -> Bool {
    var offset: off_t = 0
    while true {
      let start = lseek(descriptor, offset, seekData)
      if start < 0 { return errno == ENXIO }
      let end = lseek(descriptor, start, seekHole)
      guard end > start else { return end == start }
      offset = start
      while offset < end {
        let wanted = Int(min(off_t(buffer.count), end - offset))
        let count = buffer.withUnsafeMutableBytes { pread(descriptor, $0.baseAddress, wanted, offset) }
        if count < 0, errno == EINTR { continue }
        guard count >= 0 else { return false }
        // It shrank under our feet.
        if count == 0 { return true }
        buffer.withUnsafeBytes { body(UnsafeRawBufferPointer(rebasing: $0[..<count])) }
        bytes += count
        offset += off_t(count)
      }
    }
  }

  private func tell(_ scan: ContentScan, _ path: String) {
    for label in scan.known.sorted() { report(.known(label, path)) }
    for label in scan.formats.sorted() { report(.format(label, path)) }
  }

  /// `objects/ab/` and 38 or 62 hexadecimal digits: git keeps it compressed by zlib.
  private static func isLooseObject(_ path: String) -> Bool {
    let parts = path.split(separator: "/").suffix(3)
    guard parts.count == 3, parts.first == "objects", let name = parts.last else { return false }
    return (name.utf8.count == 38 || name.utf8.count == 62) && name.utf8.allSatisfy { ($0 | 0x20).isHexadecimal }
  }
}

extension UInt8 {
  fileprivate var isHexadecimal: Bool { (0x30...0x39).contains(self) || (0x61...0x66).contains(self) }
}
