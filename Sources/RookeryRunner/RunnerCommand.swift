import CSandbox
import Glibc

/// The program `rookery-runner`.
package enum RunnerCommand {
  /// Runs until it is told to end. `arguments` without the program's name; returns the exit code.
  package static func run(_ arguments: some Sequence<String>) -> Int32 {
    let arguments = Array(arguments)
    if arguments.first == "scan" { return ScanCommand.run(Array(arguments.dropFirst())) }
    let options: RunnerOptions
    do throws(RunnerOptions.Invalid) { options = try RunnerOptions(arguments) } catch {
      complain("\(error.text)\n\(RunnerOptions.usage)")
      return 2
    }
    fillStandardDescriptors()
    let error = cs_confine_runner()
    guard error == 0 else {
      complain("can't give up privileges (\(description(error)))")
      return 1
    }
    // Where the kernel has it; everything else holds without.
    _ = cs_landlock_confine()
    do throws(SystemFailure) {
      try Runner(options, fileLimit: raiseFileLimit()).run()
      return 0
    } catch {
      complain("can't serve (\(description(error.error)))")
      return 1
    }
  }

  /// Descriptors 0, 1 and 2 must be taken, so that no pipe of a process gets such a number.
  private static func fillStandardDescriptors() {
    while true {
      let descriptor = open("/", O_RDONLY | O_DIRECTORY)
      guard (0...2).contains(descriptor) else {
        close(descriptor)
        return
      }
    }
  }

  /// Lets the runner open what it may; returns the limit that processes get, which is what it found.
  private static func raiseFileLimit() -> UInt64 {
    var limit = rlimit()
    guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return 0 }
    let found = limit.rlim_cur
    limit.rlim_cur = min(limit.rlim_max, max(found, 1 << 16))
    _ = setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
    return UInt64(found)
  }

  private static func description(_ error: Int32) -> String { strerror(error).map { String(cString: $0) } ?? "error \(error)" }

  private static func complain(_ text: String) {
    let line = Array("rookery-runner: \(text)\n".utf8)
    _ = write(2, line, line.count)
  }
}
