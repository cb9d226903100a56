import Primitives
import SignalingCore

extension Reference {
    /// How the call differs from the expected one; nil when it does not.
    func difference(from call: Call) -> String? {
        let status: Status
        switch call.phase {
        case .initiated: status = .initiated
        case .ongoing: status = .ongoing
        case .completed: status = .completed
        case .missed: status = .missed
        }
        if status != self.status { return "the status differs" }
        if call.startedAt != startedAt { return "started_at differs" }
        if call.answeredAt != answeredAt { return "answered_at differs" }
        if call.endedAt != endedAt { return "ended_at differs" }
        if call.endReason != endReason { return "the end reason differs" }
        if (call.mode == .group) != isGroup { return "the mode differs" }
        if call.isLocked != isLocked { return "the lock differs" }
        if call.ringExpiresAt != ringsUntil { return "ring_expires_at differs" }
        if call.joinRequests.map(\.origin) != joinRequests.map(\.origin) { return "the join requests differ" }
        if call.participants.count != people.count { return "the number of participants differs" }
        for (participant, person) in zip(call.participants, people) {
            if let difference = person.difference(from: participant) { return difference }
        }
        if call.nextDeadline != nextDeadline { return "the next deadline differs" }
        if call.screenShares.count != shares.count { return "the number of screen shares differs" }
        for (share, expected) in zip(call.screenShares, shares)
        where share.sharer != expected.sharer || share.startedAt != expected.startedAt {
            return "a screen share differs"
        }
        return nil
    }

    /// Drops everything that is not on disk, as for a call that nobody keeps in memory.
    mutating func forgetMemory() {
        done = []
        mailbox = ReferenceMailbox()
        joinRequests = []
        offers = []
        for index in people.indices {
            people[index].busy = []
            people[index].isAlerted = false
            people[index].media = MediaState()
            people[index].isOnHold = false
            people[index].handRaisedAt = nil
        }
    }
}

extension Reference.Person {
    fileprivate func difference(from participant: Participant) -> String? {
        if participant.user != user { return "a participant is somebody else" }
        if participant.role != role { return "a role differs" }
        if participant.rungAt != rungAt { return "rung_at differs" }
        if participant.isHidden != isHidden { return "it differs who must not hear of the call" }
        if participant.standing != standing { return "it differs who belongs to the conversation" }
        if participant.maySeeCall != maySee { return "it differs who may see the call" }
        switch participant.state {
        case .ringing(let ringing):
            if status != .ringing { return "a participant rings" }
            if ringing.until != ringsUntil { return "a ring deadline differs" }
            if ringing.isAlerted != isAlerted { return "it differs whether a device rings" }
        case .connected(let connection):
            if status != .connected { return "a participant is connected" }
            if connection.device != device { return "the active device differs" }
            if connection.joinedAt != joinedAt { return "joined_at differs" }
            let absence: Absence =
                switch connection.reachability {
                case .reachable: .here
                case .lost(let until): .lost(until: until)
                case .adopted(let until): .awaited(until: until)
                }
            if connection.media != media { return "what is sent differs" }
            if connection.isOnHold != isOnHold { return "a hold differs" }
            if connection.handRaisedAt != handRaisedAt { return "a raised hand differs" }
            if absence != self.absence { return "the grace differs" }
        case .declined(let at, let reason):
            if status != .declined { return "a participant has declined" }
            if at != leftAt { return "left_at differs" }
            if reason != self.reason { return "a leave reason differs" }
        case .left(let joinedAt, let at, let reason):
            if status != .left { return "a participant has left" }
            if joinedAt != self.joinedAt { return "joined_at differs" }
            if at != leftAt { return "left_at differs" }
            if reason != self.reason { return "a leave reason differs" }
        }
        return nil
    }
}
