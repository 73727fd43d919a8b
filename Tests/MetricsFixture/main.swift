// rookery-metrics-fixture DIRECTORY follow|rebuild: derives DIRECTORY/metrics.sqlite from DIRECTORY/sessions until killed, in small
// transactions, saying “.” after each session.
import Foundation
import RookeryMetrics
import RookeryModel
import RookeryStore

let directory = CommandLine.arguments[1]
let store = try MetricsStore(directory: directory)
FileHandle.standardOutput.write(Data("ready\n".utf8))
while true {
  if CommandLine.arguments[2] == "rebuild" {
    _ = try store.rebuild(from: directory + "/sessions", pageSize: 3) { fatalError("\($0): \($1)") }
  } else {
    for session in try SessionStore.sessions(in: directory + "/sessions").shuffled() {
      try store.follow(session, in: directory + "/sessions", pageSize: 3)
    }
  }
}
