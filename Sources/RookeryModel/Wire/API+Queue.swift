import Foundation

/// Bodies about prompts that wait.
extension API {
  /// `PATCH /v1/sessions/{id}/prompts/{prompt}`: what is absent stays as it is. The same `requestId` with the same body does it once.
  public struct EditPrompt: Sendable, Codable, Equatable {
    public var requestId: String
    public var text: String?
    public var mode: PromptMode?
    /// Moves it before this one, which must wait, too.
    public var before: PromptID?
    /// True: moves it to the end.
    public var last: Bool?
    public init(requestId: String, text: String? = nil, mode: PromptMode? = nil, before: PromptID? = nil, last: Bool? = nil) {
      self.requestId = requestId
      self.text = text
      self.mode = mode
      self.before = before
      self.last = last
    }
  }
}
