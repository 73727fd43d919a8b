import Glibc
import RookeryModel

extension RookeryError {
  /// A system call that failed: `step` names it, `error` is its errno.
  package static func system(_ step: String, _ error: Int32) -> RookeryError {
    let reason = String(cString: strerror(error))
    if error == ENOSPC || error == EDQUOT {
      return RookeryError(.diskFull, "The disk is full.", mend: "Free space on the data directory's disk.", context: step)
    }
    return RookeryError(.internal, "\(step) failed: \(reason).", context: "errno \(error)")
  }
}
