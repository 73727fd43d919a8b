// rookery-host-fixture DIRECTORY RUNNER: serves DIRECTORY/{host,run,cache} until killed; says “ready” once it answers.
import Foundation
import RookeryHost

let directory = CommandLine.arguments[1]
let settings = HostSettings(
  dataDirectory: directory + "/host", runDirectory: directory + "/run", cacheDirectory: directory + "/cache", serveUser: 0,
  gatewayUser: 0, gatewaySocket: directory + "/run/gateway.sock", runnerBinary: CommandLine.arguments[2])
try await HostService(settings: settings).run { FileHandle.standardOutput.write(Data("ready\n".utf8)) }
