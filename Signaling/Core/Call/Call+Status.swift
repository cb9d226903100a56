public import Primitives

extension Call {
    /// The names of the phases (seed 003, `calls.status`).
    public enum Status: String, Sendable, CaseIterable {
        case initiated
        case ongoing
        case completed
        case missed
    }
}

extension Call.Phase {
    /// The stored name of the phase.
    public var status: Call.Status {
        switch self {
        case .initiated: .initiated
        case .ongoing: .ongoing
        case .completed: .completed
        case .missed: .missed
        }
    }

    /// The phase from its stored fields; nil when something that its status needs is missing.
    public static func stored(
        _ status: Call.Status, answeredAt: Instant?, endedAt: Instant?, _ reason: Call.EndReason?
    ) -> Call.Phase? {
        switch (status, answeredAt, endedAt, reason) {
        case (.initiated, _, _, _): .initiated
        case (.ongoing, let answeredAt?, _, _): .ongoing(answeredAt: answeredAt)
        case (.completed, let answeredAt?, let endedAt?, let reason?):
            .completed(answeredAt: answeredAt, endedAt: endedAt, reason)
        case (.missed, _, let endedAt?, let reason?): .missed(endedAt: endedAt, reason)
        case (.ongoing, _, _, _), (.completed, _, _, _), (.missed, _, _, _): nil
        }
    }
}
