import Foundation
import RookeryModel

/// Which grants are in force and which of them a gateway still has to be told: it keeps them in memory only.
struct GrantBook {
  private struct Entry {
    var grant: Grant
    var isTold: Bool
    /// Tokens collected since it was granted.
    var spent = 0
    /// Millionths of a US dollar.
    var cost = 0
  }

  private var entries: [SandboxID: Entry] = [:]

  mutating func granted(_ grant: Grant) {
    entries[grant.sandbox] = Entry(grant: grant, isTold: false)
  }

  /// The gateway confirmed `grant`, which may have been replaced meanwhile.
  mutating func told(_ grant: Grant) {
    guard entries[grant.sandbox]?.grant == grant else { return }
    entries[grant.sandbox]?.isTold = true
  }

  mutating func spent(_ usage: Usage, by sandbox: SandboxID) {
    entries[sandbox]?.spent += usage.inputTokens + usage.outputTokens
    entries[sandbox]?.cost += usage.costMicroUSD ?? 0
  }

  /// `grant` as a gateway that counts from zero must hear it: with what was spent since it was made.
  func current(_ grant: Grant) -> Grant {
    var current = grant
    current.model?.spentTokens += entries[grant.sandbox]?.spent ?? 0
    current.model?.spentCost += entries[grant.sandbox]?.cost ?? 0
    return current
  }

  mutating func revoked(_ sandbox: SandboxID) {
    entries[sandbox] = nil
  }

  /// The gateway restarted: it knows nothing.
  mutating func gatewayForgot() {
    for sandbox in entries.keys { entries[sandbox]?.isTold = false }
  }

  /// What to tell it, soonest expiry first; grants past their expiry are dropped.
  mutating func untold(now: Date) -> [Grant] {
    entries = entries.filter { $0.value.grant.expires > now }
    return entries.values.filter { !$0.isTold }.map(\.grant).sorted { $0.expires < $1.expires }
  }
}
