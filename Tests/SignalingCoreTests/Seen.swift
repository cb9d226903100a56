import Primitives

@testable import SignalingCore

/// A call as people see it, divided into the parts that a change names.
struct Seen: Equatable {
    private(set) var revision: Int64
    private var parts: [String: String] = [:]

    init(of call: Call) {
        revision = call.revision
        for place in call.participants.indices {
            write(participant: place, of: call)
            write(shown: place, of: call)
        }
        write(state: call)
        write(screenShares: call)
        write(joinRequests: call)
    }

    /// Applies a change; only what the change names is read from the call.
    mutating func take(_ difference: CallDifference, of call: Call) {
        revision = call.revision
        for place in difference.participants {
            write(participant: place, of: call)
            write(shown: place, of: call)
        }
        for place in difference.shown { write(shown: place, of: call) }
        if difference.isStateChanged { write(state: call) }
        if difference.areScreenSharesChanged { write(screenShares: call) }
        if difference.areJoinRequestsChanged { write(joinRequests: call) }
    }

    private mutating func write(participant place: Int, of call: Call) {
        let participant = call.participants[place]
        let state =
            switch participant.state {
            case .ringing: "ringing"
            case .connected(let connection): "connected by \(connection.device) since \(connection.joinedAt)"
            case .declined, .left: "\(participant.state)"
            }
        parts["\(place)"] = "\(participant.user) \(participant.isPolite) \(participant.role) \(state)"
    }

    private mutating func write(shown place: Int, of call: Call) {
        parts["\(place) shown"] =
            switch call.participants[place].state {
            case .ringing(let ringing): "\(ringing.isAlerted)"
            case .connected(let connection):
                "\(connection.media) \(connection.isOnHold) \(connection.handRaisedAt?.microseconds ?? 0) "
                    + "\(connection.reachability == .reachable)"
            case .declined, .left: ""
            }
    }

    private mutating func write(state call: Call) {
        parts["state"] = "\(call.phase) \(call.mode) \(call.isLocked) \(call.ringExpiresAt)"
    }

    private mutating func write(screenShares call: Call) {
        parts["screen shares"] = "\(call.screenShares)"
    }

    private mutating func write(joinRequests call: Call) {
        parts["join requests"] = "\(call.joinRequests.map(\.origin.user))"
    }
}

extension CallTransition {
    /// Whether an address is told what has changed.
    func tells(_ address: Address) -> Bool {
        guard let difference else { return false }
        return deliveries.contains(CallDelivery(to: address, .changed(difference)))
    }
}
