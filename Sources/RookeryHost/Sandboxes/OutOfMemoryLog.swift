import Glibc
import RookeryModel

/// The kernel's log, for which process it killed when a sandbox ran out of memory. Without access nothing is known.
final class OutOfMemoryLog {
  private let file: Int32

  init() {
    file = open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC)
    if file >= 0 { lseek(file, 0, SEEK_END) }
  }

  deinit { if file >= 0 { close(file) } }

  /// Kills since the last call: the newest process name of each sandbox. Bounded by what the kernel keeps.
  func read() -> [String: String] {
    var killed: [String: String] = [:]
    guard file >= 0 else { return killed }
    var buffer = [UInt8](repeating: 0, count: 8192)
    for _ in 0..<10_000 {
      let count = Glibc.read(file, &buffer, buffer.count)
      // EPIPE: the kernel overwrote what was next; the following read goes on behind it.
      if count < 0, errno == EPIPE { continue }
      guard count > 0 else { break }
      if let kill = Self.parse(String(decoding: buffer.prefix(count), as: UTF8.self)) { killed[kill.sandbox] = kill.process }
    }
    return killed
  }

  /// From a line such as `6,1,2,-;oom-kill:constraint=CONSTRAINT_MEMCG,…,oom_memcg=/rookery/ID,…,task=python3,pid=7,uid=1`.
  static func parse(_ line: String) -> (sandbox: String, process: String)? {
    guard line.contains(";oom-kill:"), let memoryGroup = value(of: "oom_memcg", in: line), let task = value(of: "task", in: line) else {
      return nil
    }
    let path = memoryGroup.split(separator: "/")
    guard path.count >= 2, path[path.count - 2] == SandboxCgroup.parentName else { return nil }
    return (String(path[path.count - 1]), String(task))
  }

  private static func value(of key: String, in line: String) -> Substring? {
    for field in line.split(separator: ",") where field.hasPrefix(key + "=") { return field.dropFirst(key.count + 1) }
    return nil
  }
}
