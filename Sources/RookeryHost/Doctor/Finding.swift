/// One thing that `rookery doctor` looked at.
package struct Finding: Sendable, Equatable, Codable {
  package enum Status: String, Sendable, Codable { case ok, warning, failure }

  package var name: String
  package var status: Status
  /// What was found.
  package var detail: String
  /// What to do about it; empty when all is well.
  package var mend: String

  package init(_ name: String, _ status: Status, _ detail: String, mend: String = "") {
    self.name = name
    self.status = status
    self.detail = detail
    self.mend = mend
  }
}
