import Primitives
import SignalingCore
import SignalingService

/// Something about a call that the sleeping devices of a user have to be told.
struct PushNotice: Equatable {
    /// The kind of notice. The names are those on the wire.
    enum Kind: String {
        /// Wake up and ring.
        case invite
        /// Stop ringing.
        case cancel
    }

    /// What they have to be told.
    var kind: Kind
    /// The user of the devices.
    var user: UserID
    /// When ringing stops by itself.
    var deadline: Instant
    /// Why ringing stops; nil for an invite.
    var reason: String?
    /// The device that needs no waking, because it is the one in the call.
    var device: DeviceID?
}

extension PushNotice {
    /// What a change of a call means for sleeping devices.
    static func notices(of transition: CallTransition) -> [PushNotice] {
        let call = transition.call
        return transition.happenings.compactMap { happening in
            switch happening {
            case .rang(let place, .heard), .rang(let place, .heardAtLast):
                let participant = call.participants[place]
                return participant.ringing.map {
                    PushNotice(kind: .invite, user: participant.user, deadline: $0.until)
                }
            case .stoppedRinging(let place, let until, _):
                let participant = call.participants[place]
                return PushNotice(
                    kind: .cancel, user: participant.user, deadline: until, reason: reason(of: participant, in: call),
                    device: participant.connection?.device)
            case .placed, .answered, .rang(_, .unheard), .revealed, .joined, .moved, .declined, .left, .roleChanged,
                .shutOut, .shown, .amended, .awaited, .shareEnded, .shareBegan, .grew, .lockChanged, .ringProlonged,
                .lobbyChanged, .askedAgain, .ended:
                return nil
            }
        }
    }

    /// Why a participant is no longer rung.
    private static func reason(of participant: Participant, in call: Call) -> String {
        switch (participant.state, call.endReason) {
        case (.connected, _): "answered_elsewhere"
        case (.declined(at: _, .declined), _): "declined_elsewhere"
        case (_, .cancelled?), (_, .callerDisconnected?): call.endReason?.rawValue ?? ""
        case (.declined(at: _, let reason), _), (.left(joinedAt: _, at: _, let reason), _): reason.rawValue
        // Still rung, but should not be woken any more.
        case (.ringing, _): "removed"
        }
    }
}
