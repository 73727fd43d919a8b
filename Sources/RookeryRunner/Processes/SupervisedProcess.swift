import CSandbox
import Glibc

func pipeLevel(_ descriptor: Int32) -> Int { cs_pipe_level(descriptor) }

/// A process that was started: alive, or ended with its journal still to be read.
final class SupervisedProcess {
  let id: String
  let pid: Int32
  /// What everything that it started carries; nil when it was left by an earlier runner.
  private let mark: UInt64?
  private let journals: (stdout: JournalFile, stderr: JournalFile)
  /// Empty when it was left by an earlier runner.
  private(set) var pipes: [OutputPipe]
  var input: InputQueue
  private(set) var inputDescriptor: Int32
  let inputToken: UInt64
  /// Whether the poller watches the write end of stdin.
  var isInputWatched = false
  var watch = ExitWatch()
  /// Set once all output is journaled and so is the exit.
  private(set) var exit: ExitStatus?
  /// What was started, for people.
  var program = ""
  /// Whether it was told that it writes too fast.
  var wasPaced = false

  /// A process that runs.
  init(id: String, pid: Int32, mark: UInt64, pipes: [OutputPipe], input: Int32, inputToken: UInt64) {
    self.id = id
    self.pid = pid
    self.mark = mark
    self.pipes = pipes
    journals = (pipes[0].journal, pipes[1].journal)
    self.input = InputQueue(isOpen: input >= 0)
    inputDescriptor = input
    self.inputToken = inputToken
  }

  /// A process that an earlier runner left.
  init(id: String, exit: ExitStatus, stdout: JournalFile, stderr: JournalFile) {
    self.id = id
    self.exit = exit
    pid = 0
    mark = nil
    pipes = []
    journals = (stdout, stderr)
    input = InputQueue(isOpen: false)
    inputDescriptor = -1
    inputToken = 0
  }

  /// It and everything that it started.
  var tree: ProcessTree? { mark.map { ProcessTree(session: watch.isReaped ? nil : pid, marks: $0...$0) } }

  var hasEnded: Bool { exit != nil }
  var isHeldUp: Bool { pipes.contains { $0.isHeldUp || $0.isPaced } }

  func journal(_ stream: OutputStream) -> JournalFile { stream == .stdout ? journals.stdout : journals.stderr }

  var acknowledged: OutputOffsets {
    OutputOffsets(stdout: journals.stdout.ledger.acknowledged, stderr: journals.stderr.ledger.acknowledged)
  }

  var charge: UInt64 { journals.stdout.ledger.charge + journals.stderr.ledger.charge }

  /// Frees acknowledged output on disk; an ended process frees it to the last block.
  func free(all: Bool, budget: inout JournalBudget) {
    let before = charge
    for stream in OutputStream.allCases { journal(stream).free(all: all || hasEnded) }
    budget.changed(from: before, to: charge)
  }

  /// Writes what waits for stdin until the pipe is full. Returns whether anything waits still.
  func writeInput() -> Bool {
    while inputDescriptor >= 0, input.waitingCount > 0 {
      var isFull = false
      var isBroken = false
      input.write { bytes in
        let count = write(inputDescriptor, bytes.baseAddress, bytes.count)
        if count < 0 {
          isFull = errno == EAGAIN
          isBroken = errno != EAGAIN && errno != EINTR
        }
        return max(0, count)
      }
      if isBroken { input.abandon() }
      if isFull { return true }
    }
    return false
  }

  func closeInput() {
    guard inputDescriptor >= 0 else { return }
    _ = Glibc.close(inputDescriptor)
    inputDescriptor = -1
  }

  /// Notes the end; from now on only the journals are of use.
  func end(_ status: ExitStatus) {
    exit = status
    input.abandon()
    closeInput()
    pipes = []
  }

  /// Gives back the descriptors of the journals; they open again when needed.
  func closeJournals() {
    journals.stdout.close()
    journals.stderr.close()
  }

  deinit { closeInput() }
}
