import Foundation
import Glibc
import RookeryConfiguration
import RookeryControl
import RookeryHost
import RookeryModel

/// Everything that `doctor` looks at.
struct Examination: Sendable {
  let layout: DataLayout
  let configurationFile: String?

  func findings() async throws -> [Finding] {
    let settings = HostSettings(
      dataDirectory: layout.host, runDirectory: layout.run, cacheDirectory: layout.cache,
      serveUser: SystemUser(named: SystemUsers.serveName)?.uid ?? 0, gatewayUser: SystemUser(named: SystemUsers.gatewayName)?.uid ?? 0,
      gatewaySocket: layout.gatewaySocket, runnerBinary: try Program.runner())
    let ofHost = try await BlockingThread.run(name: "doctor") { hostFindings(settings) }
    return ofHost + [setpriv(), configuration()] + (await processes())
  }

  private func setpriv() -> Finding {
    access("/usr/bin/setpriv", X_OK) == 0
      ? Finding("setpriv", .ok, "/usr/bin/setpriv")
      : Finding("setpriv", .failure, "not at /usr/bin/setpriv", mend: "apt-get install util-linux")
  }

  private func configuration() -> Finding {
    let standard = UpCommand.defaultConfiguration
    let file = configurationFile ?? (FileManager.default.fileExists(atPath: standard) ? standard : nil)
    do {
      let configuration = try Configuration.load(file: file, environment: ProcessInfo.processInfo.environment)
      let name = file ?? "no file, defaults"
      guard let model = configuration.model else {
        return Finding(
          "configuration", .warning, "\(name); no model: only the “command” agent can work",
          mend: "Set ANTHROPIC_API_KEY, OPENAI_API_KEY or ROOKERY_MODEL_URL, or “model” in the file; see docs/configuration.md.")
      }
      return Finding("configuration", .ok, "\(name); model \(model.name) at \(model.url)")
    } catch let error as RookeryError {
      return Finding("configuration", .failure, error.message, mend: error.mend)
    } catch {
      return Finding("configuration", .failure, "\(error)")
    }
  }

  /// The supervisor's word where we may ask for it, else what the server says of itself.
  private func processes() async -> [Finding] {
    guard geteuid() == 0 else { return [await server()] }
    guard FileLock.isHeld(path: layout.upLock) else {
      let left = LeftoverProcesses(file: layout.processes).living
      guard !left.isEmpty else { return [Finding("running", .ok, "not running for \(layout.data)")] }
      let names = left.map { "\($0.role.rawValue) (\($0.identity.pid))" }.joined(separator: ", ")
      return [
        Finding("running", .warning, "without a supervisor: \(names)", mend: "“rookery up” replaces them, “rookery down” ends them.")
      ]
    }
    do {
      let client = ControlClient(path: layout.upSocket, allowedServers: [0])
      guard case .status(let status) = try await client.call(UpRequest.status, as: UpResponse.self, timeout: .seconds(10)) else {
        return [Finding("running", .failure, "the supervisor's answer is not understood", mend: "Use the same version of the program.")]
      }
      return [Finding("running", .ok, "version \(status.version) at \(status.address)")] + status.processes.map(Self.finding)
    } catch {
      return [Finding("running", .failure, "the supervisor does not answer: \(error)", mend: "See \(layout.log).")]
    }
  }

  private static func finding(of process: UpStatus.Process) -> Finding {
    let name = process.role.rawValue
    guard let pid = process.pid else {
      return Finding(name, .failure, "died \(process.deaths) times in a row", mend: "Its last words are in the log of “rookery up”.")
    }
    guard process.isReady else {
      return Finding(name, .warning, "process \(pid) does not answer so far", mend: "Look again in a moment.")
    }
    return Finding(name, .ok, "process \(pid)" + (process.deaths > 0 ? ", started again \(process.deaths) times" : ""))
  }

  private func server() async -> Finding {
    guard FileManager.default.fileExists(atPath: layout.apiSocket) else {
      return Finding("running", .ok, "not running for \(layout.data)")
    }
    do {
      let address = try ServerAddress(server: nil, data: layout.data, token: nil)
      let health = try await APIClient.with(address) { try await $0.get("/v1/health", as: API.Health.self, timeout: .seconds(5)) }
      guard health.host, health.gateway else {
        let missing = [health.host ? nil : "host", health.gateway ? nil : "gateway"].compactMap { $0 }.joined(separator: " and ")
        return Finding("running", .failure, "\(missing) does not answer", mend: "As root, “rookery doctor” says more.")
      }
      return Finding("running", .ok, "server, host and gateway answer")
    } catch {
      return Finding("running", .failure, "\(error)", mend: "As root, “rookery doctor” says more.")
    }
  }
}
