import CSandbox
import Glibc

/// The first process of a sandbox: starts processes, journals their output, and serves clients, all in one loop on one thread.
package final class Runner {
  /// Processes that this sandbox may start in its life: each leaves a record, so that starting it again starts nothing.
  static let largestHistory = 16_384
  static let largestAlive = 512
  static let largestConnections = 64
  static let largestParkedWrites = 256
  /// How long what was killed at the end may take to go.
  private static let farewell: UInt64 = 2000
  /// When a full disk is tried again.
  private static let retry: UInt64 = 500

  struct ParkedWrite {
    var connection: UInt64
    var number: UInt32
    var process: String
  }

  let sandbox: String
  let poller: Poller
  let directory: JournalDirectory
  let launcher: Launcher
  private let listener: Int32
  private let listenerToken: UInt64
  private let signals: Int32
  private let signalsToken: UInt64
  private var isListening = true
  private var lastToken: UInt64
  /// The marks of this runner's processes are this and the numbers that follow.
  private let firstMark: UInt64
  private var lastMark: UInt64

  var budget: JournalBudget
  /// How fast processes may write; nil: as they can.
  var pace: OutputPace?
  /// Pipes whose reading waits for the pace.
  var paced: [UInt64: (process: SupervisedProcess, pipe: OutputPipe)] = [:]
  var announcedFull = false
  var processes: [String: SupervisedProcess] = [:]
  /// Those that have not ended.
  var alive: [String: SupervisedProcess] = [:]
  /// Those that were not reaped, by pid: from then on the number may be another's.
  var unreaped: [Int32: SupervisedProcess] = [:]
  var pipes: [UInt64: (process: SupervisedProcess, pipe: OutputPipe)] = [:]
  var inputs: [UInt64: SupervisedProcess] = [:]
  var connections: [UInt64: ClientConnection] = [:]
  var parked: [ParkedWrite] = []
  /// Some connection could be sent more at once.
  var hasMoreToSend = false
  private var stopsBy: UInt64?
  /// What one read takes.
  let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 16, alignment: 16)

  /// Takes over the listening socket; adopts what an earlier runner left in the journal.
  package init(_ options: RunnerOptions, fileLimit: UInt64) throws(SystemFailure) {
    sandbox = options.sandbox
    listener = options.listener
    poller = try Poller()
    directory = try JournalDirectory(path: options.journal)
    launcher = Launcher(fileLimit: options.openFiles ?? fileLimit, mostFiles: options.openFiles ?? 0)
    budget = JournalBudget(limit: options.journalLimit)
    pace = OutputPace(bytesPerSecond: options.outputRate, now: monotonicMilliseconds())
    firstMark = Self.randomMark()
    lastMark = firstMark
    signals = cs_signal_descriptor()
    guard signals >= 0 else { throw SystemFailure(-signals) }
    guard fcntl(listener, F_SETFL, O_NONBLOCK) == 0 else { throw SystemFailure(errno) }
    (listenerToken, signalsToken, lastToken) = (1, 2, 2)
    try poller.add(listener, token: listenerToken, .read)
    try poller.add(signals, token: signalsToken, .read)
    for found in try directory.leftovers() {
      let process = SupervisedProcess(
        id: found.process, exit: found.exit, stdout: directory.file(found.process, .stdout, ledger: found.ledgers.0),
        stderr: directory.file(found.process, .stderr, ledger: found.ledgers.1))
      processes[found.process] = process
      budget.changed(from: 0, to: process.charge)
    }
  }

  deinit { buffer.deallocate() }

  /// Serves until SIGTERM or SIGINT.
  package func run() {
    while !hasStopped {
      for event in poller.wait(timeout: timeout()) { handle(event) }
      settle()
    }
  }

  func nextToken() -> UInt64 {
    lastToken += 1
    return lastToken
  }

  func nextMark() -> UInt64 {
    lastMark += 1
    return lastMark
  }

  /// Marks are limits, which may only be lowered: below that of a runner that this one runs under.
  private static func randomMark() -> UInt64 {
    var limit = rlimit()
    _ = getrlimit(__rlimit_resource_t(UInt32(CS_MARK_LIMIT)), &limit)
    let highest = min(UInt64(limit.rlim_max) >> 20, 1 << 40)
    return UInt64.random(in: 1...max(1, highest - min(1, highest))) << 20
  }

  var isStopping: Bool { stopsBy != nil }

  private var hasStopped: Bool {
    guard let stopsBy else { return false }
    return alive.isEmpty || monotonicMilliseconds() >= stopsBy
  }

  private func timeout() -> UInt64? {
    if hasMoreToSend { return 0 }
    let now = monotonicMilliseconds()
    var deadlines = [stopsBy].compactMap { $0 }
    for process in alive.values {
      if case .wait(until: let deadline?) = process.watch.verdict(now: now, isHeldUp: process.isHeldUp) { deadlines.append(deadline) }
    }
    if !paced.isEmpty, let pace { deadlines.append(max(pace.opens(now: now), now + 5)) }
    if budget.isFull || !isListening { deadlines.append(now + Self.retry) }
    return deadlines.min().map { $0 > now ? $0 - now : 0 }
  }

  private func handle(_ event: cs_poll_event) {
    if event.token == listenerToken {
      accept()
    } else if event.token == signalsToken {
      takeSignals()
    } else if let (process, pipe) = pipes[event.token] {
      drain(pipe, of: process)
    } else if let process = inputs[event.token] {
      writeInput(of: process)
    } else if let connection = connections[event.token] {
      serve(connection, event)
    }
  }

  /// What follows from all events of one round.
  private func settle() {
    let now = monotonicMilliseconds()
    if budget.isFull { resumeReading(now: now) }
    if !paced.isEmpty { resumePaced(now: now) }
    for process in Array(alive.values) where process.watch.isReaped { conclude(process, now: now) }
    announceJournal()
    hasMoreToSend = false
    for connection in Array(connections.values) { pump(connection) }
    if !isListening, !isStopping { isListening = (try? poller.add(listener, token: listenerToken, .read)) != nil }
  }

  private func accept() {
    let descriptor = cs_accept_nonblocking(listener)
    guard descriptor >= 0 else {
      // Without descriptors the listener would stay ready: look again in a while.
      if descriptor == -EMFILE || descriptor == -ENFILE || descriptor == -ENOMEM { stopListening() }
      return
    }
    let connection = ClientConnection(descriptor: descriptor, token: nextToken())
    guard connections.count < Self.largestConnections else { return }
    guard (try? poller.add(descriptor, token: connection.token, .read)) != nil else { return }
    connections[connection.token] = connection
  }

  private func stopListening() {
    guard isListening else { return }
    poller.remove(listener)
    isListening = false
  }

  private func takeSignals() {
    while true {
      switch cs_next_signal(signals) {
      case 0: return
      case SIGCHLD: reap()
      default: stop()
      }
    }
  }

  private func stop() {
    guard stopsBy == nil else { return }
    stopsBy = monotonicMilliseconds() + Self.farewell
    stopListening()
    for pid in unreaped.keys { kill(-pid, SIGKILL) }
    ProcessTree(session: nil, marks: firstMark...lastMark).signal(SIGKILL)
  }
}
