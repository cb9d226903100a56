import NIOCore
import Primitives
import SignalingCore

// How calls hear of devices that come and go.
extension LiveCalls {
    func deviceReturned(_ origin: CallOrigin) -> [CallView] {
        let ids = callsOfUser[origin.user] ?? []
        for id in ids {
            receive(PendingInput(.deviceReturned(origin.user, origin.device)), for: id)
            if calls[id]?.call.unheardCallees.contains(origin.user) ?? false {
                feignRingingSoon(of: origin.user, in: id)
            }
        }
        return ids.compactMap { id in
            guard let live = calls[id], live.storedRevision > 0, let own = live.call.participant(origin.user),
                own.maySeeCall
            else { return nil }
            return view(live)
        }
    }

    func deviceLost(_ origin: CallOrigin) {
        for id in callsOfUser[origin.user] ?? [] {
            receive(PendingInput(.deviceLost(origin.user, origin.device)), for: id)
        }
    }

    /// Devices that came to this node before their call did: they are heard of, and hear of the call.
    func greetConnectedDevices(of call: Call) {
        var present: [Address] = []
        for participant in call.participants where participant.maySeeCall {
            let devices = surroundings.presence.connectedDevices(of: participant.user)
            for device in devices { receive(PendingInput(.deviceReturned(participant.user, device)), for: call.id) }
            if !devices.isEmpty { present.append(.user(participant.user)) }
        }
        if !present.isEmpty, let live = calls[call.id] {
            surroundings.events.deliver(.updated, of: view(live), to: present)
        }
    }

    /// An invite and a join wait for the database before they come here; their device may have gone meanwhile.
    func noticeIfGone(_ origin: CallOrigin, from id: CallID) {
        if !isConnected(origin) { receive(PendingInput(.deviceLost(origin.user, origin.device)), for: id) }
    }

    /// While what is due can't be written, the call does not hear of devices. Once the database takes changes again,
    /// those that are in the call are asked for.
    func hearOfDevicesAgain(in id: CallID) {
        guard let live = calls[id], live.hasMissedDevices else { return }
        calls[id]?.hasMissedDevices = false
        let connected = live.call.participants.compactMap { participant in
            participant.connection.map { CallOrigin(user: participant.user, device: $0.device) }
        }
        for origin in connected + live.call.joinRequests.map(\.origin) {
            let input: CallInput =
                isConnected(origin)
                ? .deviceReturned(origin.user, origin.device) : .deviceLost(origin.user, origin.device)
            receive(PendingInput(input), for: id)
        }
    }

    /// A device that hears of a call says after a moment that it rings. For one that must not hear of it the server
    /// does, after as long as that may take, or the caller would know.
    func feignRingingSoon(of user: UserID, in id: CallID) {
        let delay = TimeAmount.milliseconds(.random(in: Self.momentToRing))
        loop.assumeIsolated().scheduleTask(in: delay) { self.receive(PendingInput(.ringingFeigned(user)), for: id) }
    }

    /// How long a device takes to hear of a call and say so, in milliseconds.
    private static let momentToRing: ClosedRange<Int64> = 30...300

    private func isConnected(_ origin: CallOrigin) -> Bool {
        surroundings.presence.connectedDevices(of: origin.user).contains(origin.device)
    }
}

extension Call {
    /// Who is rung to the others' eyes, and does not hear of it.
    var unheardCallees: Set<UserID> {
        Set(participants.filter { $0.isRinging && $0.isHidden }.map(\.user))
    }
}
