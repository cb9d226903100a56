import Primitives
import SignalingCore
import SignalingService

/// Something that the sleeping devices of a user have to be told of a call.
struct PushNotice: Equatable {
    /// What they have to be told. The names are those on the wire.
    enum Kind: String {
        /// Wake up and ring.
        case invite
        /// Stop ringing.
        case cancel
    }

    /// What they have to be told.
    var kind: Kind
    /// Whose devices they are.
    var user: UserID
    /// When ringing stops by itself.
    var deadline: Instant
    /// Why ringing stops; nil while it does not.
    var reason: String?
    /// The device that needs no waking, because it is the one in the call.
    var device: DeviceID?
}

extension PushNotice {
    /// What a change of a call means for those who sleep.
    static func notices(from old: Call?, to new: Call) -> [PushNotice] {
        new.participants.flatMap { participant -> [PushNotice] in
            let before = old?.participant(participant.user)
            let ringBefore = before.flatMap { shouldBeWoken($0) ? $0.ringing : nil }
            let ring = shouldBeWoken(participant) ? participant.ringing : nil
            switch (ringBefore, ring) {
            case (nil, let ring?):
                return [PushNotice(kind: .invite, user: participant.user, deadline: ring.until)]
            case (let ring?, nil):
                return [
                    PushNotice(
                        kind: .cancel, user: participant.user, deadline: ring.until,
                        reason: reason(of: participant, in: new), device: participant.connection?.device)
                ]
            case (nil, nil), (_?, _?): return []
            }
        }
    }

    /// Whether a participant's devices are to be woken.
    static func shouldBeWoken(_ participant: Participant) -> Bool {
        participant.isRinging && !participant.isHidden
    }

    /// Why a participant that was rung no longer is.
    private static func reason(of participant: Participant, in call: Call) -> String {
        switch (participant.state, call.endReason) {
        case (.connected, _): "answered_elsewhere"
        case (.declined(at: _, .declined), _): "declined_elsewhere"
        case (_, .cancelled?), (_, .callerDisconnected?): call.endReason?.rawValue ?? ""
        case (.declined(at: _, let reason), _), (.left(joinedAt: _, at: _, let reason), _): reason.rawValue
        // Still rung, but not to be woken any more.
        case (.ringing, _): "removed"
        }
    }
}
