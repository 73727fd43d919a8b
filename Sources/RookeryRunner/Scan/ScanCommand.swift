import Glibc

/// `rookery-runner scan`: looks through the sandbox that it runs in, or through its standard input, for credentials.
///
/// Its orders come as lines on descriptor 0, up to one that says `go`: `key HEX`, then `fingerprint LENGTH HEAD DIGEST LABEL` for each
/// secret, then `since SECONDS` and `root PATH` for a tree. With `--stream FILE` the orders are read from FILE and standard input is
/// what is looked through. Findings are lines on standard output; the last one is `done`.
package enum ScanCommand {
  /// Returns the exit code: 0 when everything was looked through, whatever was found.
  package static func run(_ arguments: [String]) -> Int32 {
    guard let orders = orders(arguments) else {
      complain("scan: the orders are not understood")
      return 2
    }
    var written = 0
    func tell(_ finding: ScanFinding) {
      // What a hostile tree can make us say is bounded; the one who listens stops at the first.
      written += 1
      if written <= 10_000 { put(finding.line + "\n") }
    }
    let set = FingerprintSet(key: orders.key, orders.fingerprints)
    if let label = orders.stream {
      var scan = ContentScan(set)
      let bytes = consume { scan.add($0) }
      guard let bytes else { return 1 }
      for known in scan.known.sorted() { tell(.known(known, label)) }
      for format in scan.formats.sorted() { tell(.format(format, label)) }
      put(ScanFinding.done(files: 1, bytes: bytes).line + "\n")
    } else {
      var scan = TreeScan(set, since: orders.since, report: tell)
      for root in orders.roots { scan.scan(root) }
      put(ScanFinding.done(files: scan.files, bytes: scan.bytes).line + "\n")
    }
    return 0
  }

  private struct Orders {
    var key: FingerprintKey
    var fingerprints: [Fingerprint] = []
    var since = 0
    var roots: [String] = []
    var stream: String?
  }

  private static func orders(_ arguments: [String]) -> Orders? {
    var descriptor: Int32 = 0
    var label: String?
    if arguments.first == "--stream", arguments.count == 3 {
      descriptor = open(arguments[1], O_RDONLY | O_CLOEXEC)
      label = arguments[2]
    } else if !arguments.isEmpty {
      return nil
    }
    guard descriptor >= 0, let text = text(descriptor) else { return nil }
    if descriptor > 0 { close(descriptor) }
    var orders: Orders?
    for line in text.split(separator: "\n") {
      let fields = line.split(separator: " ", maxSplits: 4).map(String.init)
      switch (fields.first, fields.count) {
      case ("key", 2):
        guard let bytes = bytes(fields[1]), let key = FingerprintKey(bytes) else { return nil }
        orders = Orders(key: key, stream: label)
      case ("fingerprint", 5):
        guard let length = Int(fields[1]), let head = UInt64(fields[2]), head >> 34 == 0, let digest = bytes(fields[3]),
          digest.count == 32, (Fingerprint.minimumLength...Fingerprint.maximumLength).contains(length)
        else { return nil }
        orders?.fingerprints.append(Fingerprint(length: length, head: head, digest: digest, label: fields[4]))
      case ("since", 2):
        guard let since = Int(fields[1]) else { return nil }
        orders?.since = since
      case ("root", _): orders?.roots.append(String(line.dropFirst("root ".count)))
      case ("go", 1): return orders
      default: return nil
      }
    }
    return nil
  }

  /// The orders' text, up to its last line; at most 4 MiB.
  private static func text(_ descriptor: Int32) -> String? {
    var bytes: [UInt8] = []
    var piece = [UInt8](repeating: 0, count: 1 << 16)
    while !(bytes.count >= 3 && bytes.suffix(3) == Array("go\n".utf8)[...]) {
      let count = read(descriptor, &piece, piece.count)
      if count < 0, errno == EINTR { continue }
      guard count > 0, bytes.count < 4 << 20 else { return nil }
      bytes += piece.prefix(count)
    }
    return String(decoding: bytes, as: UTF8.self)
  }

  /// Standard input to its end; nil when it can't be read.
  private static func consume(_ body: (UnsafeRawBufferPointer) -> Void) -> Int? {
    var total = 0
    var piece = [UInt8](repeating: 0, count: ContentScan.piece)
    while true {
      let count = read(0, &piece, piece.count)
      if count < 0, errno == EINTR { continue }
      guard count >= 0 else { return nil }
      if count == 0 { return total }
      piece.withUnsafeBytes { body(UnsafeRawBufferPointer(rebasing: $0[..<count])) }
      total += count
    }
  }

  private static func bytes(_ hex: String) -> [UInt8]? {
    let digits = Array(hex.utf8)
    guard digits.count % 2 == 0 else { return nil }
    var bytes: [UInt8] = []
    for index in stride(from: 0, to: digits.count, by: 2) {
      guard let byte = UInt8(String(decoding: digits[index...index + 1], as: UTF8.self), radix: 16) else { return nil }
      bytes.append(byte)
    }
    return bytes
  }

  private static func put(_ text: String) {
    var bytes = Array(text.utf8)[...]
    while !bytes.isEmpty {
      let count = bytes.withUnsafeBytes { write(1, $0.baseAddress, $0.count) }
      if count < 0, errno == EINTR { continue }
      // Nobody listens any more.
      guard count > 0 else { exit(1) }
      bytes = bytes.dropFirst(count)
    }
  }

  private static func complain(_ text: String) {
    let line = Array("rookery-runner: \(text)\n".utf8)
    _ = write(2, line, line.count)
  }
}
