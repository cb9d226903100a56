import Primitives
import SignalingCore

/// A call as a device knows it: assembled from a whole call and the changes since.
struct Picture: Equatable {
    private struct Person: Equatable {
        let user: UserID
        var role: Participant.Role
        var state: State
        var shown: Shown

        init(_ participant: Participant) {
            user = participant.user
            role = participant.role
            shown = Shown()
            switch participant.state {
            case .ringing(let ringing):
                state = .ringing
                shown.isAlerted = ringing.isAlerted
            case .connected(let connection):
                state = .connected(connection.device, since: connection.joinedAt)
                shown.isUnreachable = connection.isUnreachable
                shown.media = connection.media
                shown.isOnHold = connection.isOnHold
                shown.handRaisedAt = connection.handRaisedAt
            case .declined, .left: state = .out(participant.state)
            }
        }
    }

    private enum State: Equatable {
        case ringing
        case connected(DeviceID, since: Instant)
        case out(Participant.State)
    }

    /// Fields that only show.
    private struct Shown: Equatable {
        var isAlerted = false
        var isUnreachable = false
        var media = MediaState()
        var isOnHold = false
        var handRaisedAt: Instant?
    }

    private(set) var revision: Int64
    private var phase: Call.Phase
    private var mode: Call.Mode
    private var isLocked: Bool
    private var ringExpiresAt: Instant
    private var people: [Person]
    private var screenShares: [Call.ScreenShare]
    private var joiningUsers: [UserID]

    init(of call: Call) {
        revision = call.revision
        phase = call.phase
        mode = call.mode
        isLocked = call.isLocked
        ringExpiresAt = call.ringExpiresAt
        people = call.participants.map(Person.init)
        screenShares = call.screenShares
        joiningUsers = call.joinRequests.map(\.origin.user)
    }

    /// Applies a change as the wire carries it: only what the change names is read from the call.
    mutating func take(_ difference: CallDifference, of call: Call) {
        revision = call.revision
        for place in difference.participants {
            let person = Person(call.participants[place])
            if let index = people.firstIndex(where: { $0.user == person.user }) {
                people[index] = person
            } else {
                people.append(person)
            }
        }
        for place in difference.shown {
            let person = Person(call.participants[place])
            guard let index = people.firstIndex(where: { $0.user == person.user }) else { continue }
            people[index].shown = person.shown
        }
        if difference.isStateChanged {
            (phase, mode, isLocked) = (call.phase, call.mode, call.isLocked)
            ringExpiresAt = call.ringExpiresAt
        }
        if difference.areScreenSharesChanged { screenShares = call.screenShares }
        if difference.areJoinRequestsChanged { joiningUsers = call.joinRequests.map(\.origin.user) }
    }
}
