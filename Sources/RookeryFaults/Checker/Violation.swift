import RookeryModel

/// A promise of the session engine that a history breaks.
package struct Violation: Error, Sendable, Equatable, CustomStringConvertible {
  package enum Rule: String, Sendable, CaseIterable {
    /// A prompt that was acknowledged is not in the log where its receipt says, or says something else.
    case acknowledgedIsLogged = "acknowledged ⊆ log"
    /// The log holds a prompt that nobody sent, or one prompt twice.
    case promptsAreSentOnce = "each prompt of the log was sent, and is there once"
    case sameRequestSameReceipt = "same requestId, same receipt"
    /// A client's later prompt stands before its earlier one, which was acknowledged before the later one was sent.
    case acknowledgedInOrder = "order of a client's prompts is kept"
    case seqIsDense = "seq is dense from 1"
    /// A stream has a gap, a repetition or another order, or does not begin after its cursor.
    case streamIsContiguous = "a stream is a contiguous piece of the log from its cursor"
    /// A stream holds an event that the log has not, or has otherwise.
    case streamIsDurable = "what was sent is in the log"
    case oneTerminalEvent = "one terminal event for each prompt"
    case oneStart = "no prompt runs twice"
    /// A turn's output is not what its command printed (of a turn that was cut: not the beginning of it).
    case outputIsExact = "output is kept once and in order"
    case undisturbedCompletes = "what nothing ended runs to its end"
    case pushedIsOnTheForge = "what the log says was pushed is there"
    case noStuckSession = "no stuck session"
    case noOrphanSandbox = "no orphan sandbox"
    case alarmsAreKept = "alarms are kept"
  }

  package var rule: Rule
  /// Where, for a person.
  package var detail: String
  package var description: String { "\(rule.rawValue): \(detail)" }
}
