import Foundation
import Logging

/// The log of our processes: lines on standard error, from `ROOKERY_LOG_LEVEL` (default `info`) up.
enum LogSetup {
  static func logger(_ label: String, environment: [String: String] = ProcessInfo.processInfo.environment) -> Logger {
    var logger = Logger(label: label, factory: { StreamLogHandler.standardError(label: $0) })
    logger.logLevel = environment["ROOKERY_LOG_LEVEL"].flatMap(Logger.Level.init(rawValue:)) ?? .info
    return logger
  }
}
