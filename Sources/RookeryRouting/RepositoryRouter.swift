import Foundation
import Logging
import RookeryConfiguration
import RookeryModel

/// Decides where a message begins work: what needs no judgement at once, else a model where there is one, else the rules.
package struct RepositoryRouter: Sendable {
  private let model: RoutingModel?
  private let logger: Logger

  /// `model` nil: by rules alone.
  package init(model: RoutingModel?, logger: Logger) {
    self.model = model
    self.logger = logger
  }

  /// With the configuration's model, unless its `routing` section says otherwise.
  package init(_ configuration: Configuration, logger: Logger) {
    let model = configuration.routing.usesModel ? configuration.model : nil
    self.init(
      model: model.map {
        RoutingModel($0, name: configuration.routing.model, deadline: .milliseconds(configuration.routing.timeoutMilliseconds))
      }, logger: logger)
  }

  /// Always decides, if only that the person is asked; throws `CancellationError` alone.
  package func decide(_ question: RoutingQuestion) async throws -> API.RouteDecision {
    let rules = RoutingRules(question)
    if let certain = rules.certain() { return certain }
    var decision = rules.decide()
    guard let model, question.candidates.count > 1 else { return decision }
    do {
      return Self.merge(try await model.choose(question), with: decision)
    } catch let failure as RoutingModelFailure {
      logger.warning("a model did not choose the repository", metadata: ["cause": "\(failure.text)"])
      decision.modelProblem = failure.text
      return decision
    }
  }

  /// The model's choice counts where it is certain, or where it is not quite and the rules agree.
  static func merge(_ choice: RoutingChoice, with rules: API.RouteDecision) -> API.RouteDecision {
    let reason = choice.reason.isEmpty ? "the model's judgement" : choice.reason
    guard let name = choice.repository else {
      return API.RouteDecision(repository: nil, method: .model, confidence: 0, likely: rules.likely, reasons: [reason])
    }
    let likely = [name] + rules.likely.filter { $0 != name }
    let (isCertain, confidence): (Bool, Double) =
      switch choice.confidence {
      case .high: (true, 0.95)
      case .medium: (rules.likely.first == name, 0.6)
      case .low: (false, 0.2)
      }
    return API.RouteDecision(
      repository: isCertain ? name : nil, method: .model, confidence: confidence, likely: likely,
      reasons: isCertain ? [reason] : [reason, "the model is not certain"])
  }
}
