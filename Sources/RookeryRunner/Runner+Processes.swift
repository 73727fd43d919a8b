import Glibc

extension Runner {
  /// Starts a process, unless its id was used before.
  func start(_ request: LaunchRequest) throws(RunnerFailure) {
    guard request.isValid else { throw .badRequest }
    guard processes[request.process] == nil else { return }
    guard processes.count < Self.largestHistory, alive.count < Self.largestAlive, !isStopping else { throw .limit }
    let mark = nextMark()
    let started = try launcher.start(request, mark: mark)
    let journals = OutputStream.allCases.map { directory.file(request.process, $0) }
    let process = SupervisedProcess(
      id: request.process, pid: started.pid, mark: mark,
      pipes: [
        OutputPipe(stream: .stdout, journal: journals[0], descriptor: started.stdout, token: nextToken()),
        OutputPipe(stream: .stderr, journal: journals[1], descriptor: started.stderr, token: nextToken()),
      ], input: started.input, inputToken: nextToken())
    do throws(SystemFailure) {
      for pipe in process.pipes { try poller.add(pipe.descriptor, token: pipe.token, .read) }
    } catch {
      process.tree?.signal(SIGKILL)
      throw .system(error: error.error)
    }
    process.program = String(decoding: request.arguments.first ?? [], as: UTF8.self)
    for pipe in process.pipes { pipes[pipe.token] = (process, pipe) }
    processes[process.id] = process
    alive[process.id] = process
    unreaped[process.pid] = process
  }

  /// Moves output of a process into its journal.
  func drain(_ pipe: OutputPipe, of process: SupervisedProcess) {
    guard pace?.allows(now: monotonicMilliseconds()) ?? true else { return wait(pipe, of: process) }
    switch pipe.drain(into: &budget, buffer: buffer) {
    case .nothing: break
    case .read(let count):
      pace?.spend(count)
      process.watch.read(pipe.stream, UInt64(count), now: monotonicMilliseconds())
    case .heldUp(let count):
      pace?.spend(count)
      process.watch.read(pipe.stream, UInt64(count), now: monotonicMilliseconds())
      poller.remove(pipe.descriptor)
    case .end: close(pipe, of: process)
    }
  }

  /// The process writes faster than it may: it waits in its next write, once the pipe is full.
  private func wait(_ pipe: OutputPipe, of process: SupervisedProcess) {
    guard !pipe.isPaced else { return }
    pipe.isPaced = true
    paced[pipe.token] = (process, pipe)
    poller.remove(pipe.descriptor)
    guard !process.wasPaced else { return }
    process.wasPaced = true
    directory.notePaced(process.program.isEmpty ? process.id : process.program)
  }

  /// Goes on reading what waited for its pace.
  func resumePaced(now: UInt64) {
    guard pace?.allows(now: now) ?? true else { return }
    for (token, (process, pipe)) in paced {
      guard pipe.isOpen, !pipe.isHeldUp else {
        paced[token] = nil
        pipe.isPaced = false
        continue
      }
      // Without descriptors it is tried again in a moment.
      guard (try? poller.add(pipe.descriptor, token: token, .read)) != nil else { continue }
      paced[token] = nil
      pipe.isPaced = false
      process.watch.resumed(now: now)
    }
  }

  private func close(_ pipe: OutputPipe, of process: SupervisedProcess) {
    pipes[pipe.token] = nil
    pipe.close()
    process.watch.closed(pipe.stream)
  }

  /// Goes on reading what was held up, if there is room again.
  func resumeReading(now: UInt64) {
    for process in alive.values { process.free(all: true, budget: &budget) }
    guard budget.resumes() else { return }
    for process in alive.values {
      for pipe in process.pipes where pipe.isHeldUp && !budget.isFull {
        guard pipe.resume(budget: &budget) else { continue }
        process.watch.resumed(now: now)
        guard pipe.isOpen else { continue }
        if (try? poller.add(pipe.descriptor, token: pipe.token, .read)) == nil {
          pipe.holdUp()
          budget.markFull()
        }
      }
    }
  }

  /// Waits for every child that is gone: processes of ours, and orphans that the kernel gave to the sandbox's first process.
  func reap() {
    var status: Int32 = 0
    while true {
      let pid = waitpid(-1, &status, WNOHANG)
      guard pid > 0 else { return }
      guard let process = unreaped.removeValue(forKey: pid) else { continue }
      var left = OutputOffsets()
      for pipe in process.pipes { left[pipe.stream] = pipe.level }
      process.watch.reaped(ExitStatus(waitStatus: status), left: left, now: monotonicMilliseconds())
      process.input.abandon()
      settleInput(of: process)
    }
  }

  /// Ends a process whose output is complete.
  func conclude(_ process: SupervisedProcess, now: UInt64) {
    if process.watch.verdict(now: now, isHeldUp: process.isHeldUp) == .closePipes {
      for pipe in process.pipes where pipe.isOpen { close(pipe, of: process) }
    }
    guard case .ended(let status) = process.watch.verdict(now: now, isHeldUp: process.isHeldUp) else { return }
    guard (try? directory.recordExit(process.id, status)) != nil else {
      budget.markFull()
      return
    }
    process.end(status)
    alive[process.id] = nil
    process.free(all: true, budget: &budget)
    process.closeJournals()
  }

  /// Writes what waits for a process's stdin, and answers who waited for room.
  func writeInput(of process: SupervisedProcess) {
    let waits = process.writeInput()
    if waits, !process.isInputWatched {
      process.isInputWatched = (try? poller.add(process.inputDescriptor, token: process.inputToken, .write)) != nil
      if process.isInputWatched { inputs[process.inputToken] = process } else { process.input.abandon() }
    } else if !waits, process.isInputWatched {
      poller.remove(process.inputDescriptor)
      inputs[process.inputToken] = nil
      process.isInputWatched = false
    }
    settleInput(of: process)
  }

  /// Closes stdin when nothing more will be written, and answers waiting writes that can be.
  private func settleInput(of process: SupervisedProcess) {
    if process.input.isDrained {
      inputs[process.inputToken] = nil
      process.isInputWatched = false
      process.closeInput()
    }
    guard process.input.hasRoom else { return }
    parked.removeAll { write in
      guard write.process == process.id else { return false }
      let reply: RunnerReply =
        if process.watch.isReaped {
          .failed(.exited)
        } else if process.inputDescriptor < 0 {
          .failed(.inputClosed)
        } else {
          .written(upTo: process.input.accepted)
        }
      connections[write.connection]?.send(reply, number: write.number)
      return true
    }
  }
}
