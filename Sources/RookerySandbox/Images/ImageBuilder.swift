import Foundation
import Logging
import RookeryConfiguration
import RookeryModel

/// Builds images: carries out the steps of `ImageBuild` in a sandbox that lives for this build alone.
package struct ImageBuilder: Sendable {
  /// What to build and within which bounds.
  package struct Order: Sendable {
    package var image: ImageID
    package var repository: RepositoryName
    /// The real URL, without credentials.
    package var url: String
    package var branch: String
    package var commit: String
    /// The server's base; the repository may ask for another of `bases`.
    package var base: BaseName
    package var bases: [BaseRecord]
    /// The earlier image, when the build may start from it.
    package var previous: ImageManifest?
    package var previousInputs: String?
    package var limits: Limits
    package var privateHosts: [String]
    /// What the build may reach, once the repository's environment file is known and before (nil).
    package var network: @Sendable (EnvironmentFile?) async throws -> Grant.Network
    /// How long one `build` or `warm` command may take.
    package var commandSeconds: Int
    package var scan: CredentialScan
    package var review: RequestReview
  }

  /// What a build made.
  package struct Built: Sendable {
    package var manifest: ImageManifest
    package var environment: EnvironmentFile
    package var inputs: String?
    package var base: BaseRecord
    package var requests: [EnvironmentRequest]
  }

  /// Ids of sandboxes that belong to a build start with this.
  package static let sandboxPrefix = "build-"

  private let provider: any SandboxProvider
  private let gateway: GatewayClient
  private let logger: Logger

  package init(provider: any SandboxProvider, gateway: GatewayClient, logger: Logger) {
    self.provider = provider
    self.gateway = gateway
    self.logger = logger
  }

  /// Returns after the provider published the image. Whatever happens, no sandbox is left behind.
  package func build(_ order: Order, log: BuildLog) async throws -> Built {
    let overtime = RookeryError(
      .limitHit, "The build took longer than \(order.limits.runtimeSeconds) seconds.",
      mend: "Raise “runtime_seconds” in the limits of \(order.repository), or let its setup do less.")
    return try await withDeadline(.seconds(order.limits.runtimeSeconds), failure: overtime) {
      let run = ImageBuildRun(order: order, provider: provider, gateway: gateway, log: log, logger: logger)
      do {
        let built = try await run.toEnd()
        await run.clear()
        return built
      } catch {
        await run.clear()
        throw error
      }
    }
  }
}
