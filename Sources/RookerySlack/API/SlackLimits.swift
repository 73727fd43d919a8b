/// What Slack refuses beyond; the numbers are its own.
package enum SlackLimits {
  package static let blocks = 50
  package static let sectionText = 3000
  package static let fields = 10
  package static let fieldText = 2000
  package static let actions = 25
  package static let buttonText = 75
  package static let value = 2000
  package static let url = 3000
  package static let headerText = 150
  package static let contextElements = 10
  package static let actionID = 255
  package static let blockID = 255
  package static let options = 100
  package static let optionText = 75
  /// Of a message's `text`; beyond it Slack cuts.
  package static let text = 4000
  /// Characters of all blocks together: beyond about 13,200 a message is refused with `msg_blocks_too_long`, which no page documents.
  package static let allBlocks = 12_000
  package static let sessionTitle = 200
}
