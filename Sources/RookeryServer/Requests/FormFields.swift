import Foundation
import RookeryModel

/// The fields of a submitted HTML form (`application/x-www-form-urlencoded`).
struct FormFields: Sendable {
  private var values: [String: String] = [:]

  /// A later field of a name replaces an earlier one; what is not valid percent encoding is taken literally.
  init(_ body: String) {
    for pair in body.split(separator: "&") {
      let parts = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map { part in
        let spaced = part.replacingOccurrences(of: "+", with: " ")
        return spaced.removingPercentEncoding ?? spaced
      }
      values[parts[0]] = parts.count > 1 ? parts[1] : ""
    }
  }

  /// A field that must be there and not empty.
  func required(_ name: String) throws -> String {
    guard let value = values[name], !value.isEmpty else {
      throw RookeryError(.badRequest, "“\(name)” is missing.", mend: "Go back and fill it in.")
    }
    return value
  }

  /// A field's value; nil when absent or empty.
  func optional(_ name: String) -> String? { values[name].flatMap { $0.isEmpty ? nil : $0 } }

  /// Text as browsers send it has CRLF line ends.
  func text(_ name: String) throws -> String { try required(name).replacingOccurrences(of: "\r\n", with: "\n") }
}
