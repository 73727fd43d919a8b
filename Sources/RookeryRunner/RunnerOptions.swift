/// The runner's command line.
package struct RunnerOptions: Sendable, Equatable {
  /// A listening Unix stream socket.
  package var listener: Int32 = -1
  package var journal = ""
  package var sandbox = ""
  /// The most bytes that all journals may take.
  package var journalLimit: UInt64 = 256 << 20
  /// Descriptors that each process may have open; nil: what the runner was started with.
  package var openFiles: UInt64?
  /// Bytes a second that all processes together may write; nil: as fast as they can.
  package var outputRate: UInt64?

  package static let usage =
    "usage: rookery-runner --listen-fd NUMBER --journal DIRECTORY --sandbox ID [--journal-limit BYTES] [--open-files NUMBER]\n       [--output-rate BYTES]"

  package struct Invalid: Error, Equatable {
    package var text: String
  }

  /// `arguments` without the program's name.
  package init(_ arguments: some Sequence<String>) throws(Invalid) {
    var rest = Array(arguments)[...]
    while let name = rest.popFirst() {
      guard let value = rest.popFirst() else { throw Invalid(text: "\(name) needs a value") }
      switch name {
      case "--listen-fd": listener = try Self.number(name, value, atLeast: 3)
      case "--journal": journal = value
      case "--sandbox": sandbox = value
      case "--journal-limit": journalLimit = try Self.number(name, value, atLeast: 1 << 16)
      case "--open-files": openFiles = try Self.number(name, value, atLeast: 16)
      case "--output-rate": outputRate = try Self.number(name, value, atLeast: 1)
      default: throw Invalid(text: "there is no option \(name)")
      }
    }
    guard listener >= 3 else { throw Invalid(text: "--listen-fd is missing") }
    guard !journal.isEmpty else { throw Invalid(text: "--journal is missing") }
    guard ProcessName.isValid(sandbox) else { throw Invalid(text: "--sandbox is missing or not an id") }
  }

  private static func number<Number: FixedWidthInteger>(_ name: String, _ text: String, atLeast least: Number) throws(Invalid) -> Number {
    guard let value = Number(text), value >= least else { throw Invalid(text: "\(name) must be a number of at least \(least)") }
    return value
  }
}
