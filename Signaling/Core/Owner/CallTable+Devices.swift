import Primitives

// How calls are told of devices that connect and disconnect.
extension CallTable {
    mutating func deviceReturned(_ origin: CallOrigin) {
        for id in (callsOfUser[origin.user] ?? []).sorted() {
            receive(Pending(.deviceReturned(origin.user, origin.device)), for: id)
            if calls[id]?.call.unheardCallees.contains(origin.user) ?? false {
                outputs.append(.feignRinging(origin.user, id))
            }
        }
    }

    mutating func deviceLost(_ origin: CallOrigin) {
        for id in (callsOfUser[origin.user] ?? []).sorted() {
            receive(Pending(.deviceLost(origin.user, origin.device)), for: id)
        }
    }

    /// A device that enters a call may have disconnected while its command waited for a look-up, for its turn, or for
    /// the disk: until then the call is not told of it.
    mutating func recheck(_ origin: CallOrigin, in id: CallID) {
        outputs.append(.recheck(origin, id))
    }

    /// While what is due can't be written, the call is not told of devices, nor of rings that are feigned. Once the
    /// database accepts changes again, both are asked for.
    mutating func resyncDevices(of id: CallID) {
        guard let open = calls[id], open.hasMissedDevices else { return }
        calls[id]?.hasMissedDevices = false
        let connected = open.call.participants.compactMap { participant in
            participant.connection.map { CallOrigin(user: participant.user, device: $0.device) }
        }
        outputs.append(.resync(id, connected + open.call.joinRequests.map(\.origin)))
        for user in open.call.unheardCallees { outputs.append(.feignRinging(user, id)) }
    }

    mutating func devicesNow(_ present: [CallOrigin], _ gone: [CallOrigin], in id: CallID) {
        for origin in present { receive(Pending(.deviceReturned(origin.user, origin.device)), for: id) }
        for origin in gone { receive(Pending(.deviceLost(origin.user, origin.device)), for: id) }
    }
}
