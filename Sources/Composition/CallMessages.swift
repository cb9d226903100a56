public import Messaging
import Primitives
public import SignalingCore
public import SignalingService
public import Storage

/// Leaves a message in a call's conversation when the call is over.
public struct CallMessages: CallRecorder {
    private let messaging: MessagingService

    /// Makes the recorder.
    public init(_ messaging: MessagingService) {
        self.messaging = messaging
    }

    /// The message of a call that ends by the change; nothing for other calls.
    public func steps(for change: RecordedChange) -> [Step] {
        message(of: change)?.steps ?? []
    }

    /// Delivers the message to the members of the conversation.
    public func recorded(_ change: RecordedChange, results: ArraySlice<StepResult>) {
        if let message = message(of: change) { messaging.deliver(message, results: results) }
    }

    /// Nil unless the call ends with this change.
    private func message(of change: RecordedChange) -> SystemMessage? {
        let call = change.transition.call
        guard case .ended(let reason)? = change.transition.happenings.last, let endedAt = call.endedAt else {
            return nil
        }
        let duration = call.answeredAt.map { max(.milliseconds(0), endedAt - $0).microseconds / 1_000_000 }
        return SystemMessage(
            CallSummary(
                call: call.id, type: call.type.rawValue, status: call.phase.status.rawValue,
                endReason: reason.rawValue, durationSeconds: duration ?? 0, initiator: call.initiator),
            in: call.conversation, at: change.at, hiddenFrom: call.participants.filter(\.isHidden).map(\.user))
    }
}
