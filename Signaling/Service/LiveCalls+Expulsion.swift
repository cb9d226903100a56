import NIOCore
import Primitives
import SignalingCore

// How calls hear that somebody has no business in them any more. That comes about however long it takes: what can't be
// written now is tried again.
extension LiveCalls {
    /// - Parameter number: The number of the ending; nil when it is not known when it was.
    func membershipEnded(_ ending: MembershipEnding, number: UInt64?) {
        if let number { endings.note(ending, number: number) }
        for id in callsConcerning(ending.user) where calls[id]?.call.conversation == ending.conversation {
            expel(by: .membershipEnded(ending.user), from: id)
        }
    }

    func loggedOut(_ user: UserID, _ devices: [DeviceID], isLast: Bool) {
        for id in callsConcerning(user) {
            for device in devices { expel(by: .deviceLoggedOut(user, device), from: id) }
            if isLast { expel(by: .userLoggedOut(user), from: id) }
        }
    }

    /// The calls that a user is known to, and those to which an input on its way to disk may make the user known.
    private func callsConcerning(_ user: UserID) -> Set<CallID> {
        var ids = callsOfUser[user] ?? []
        for (id, live) in calls {
            if case .settled = live.standing { continue }
            ids.insert(id)
        }
        return ids
    }

    /// Tries again what a call is owed.
    func tryOwed(of id: CallID) {
        guard let live = calls[id], case .settled = live.standing else { return }
        for input in live.owed { give(input, to: id) }
    }

    private func expel(by input: CallInput, from id: CallID) {
        guard let live = calls[id] else { return }
        if !live.owed.contains(input) { calls[id]?.owed.append(input) }
        give(input, to: id)
    }

    private func give(_ input: CallInput, to id: CallID) {
        let myself = NIOLoopBound(self, eventLoop: loop)
        let pending = PendingInput(input) { reply in
            switch reply {
            case .done, .refused: myself.value.calls[id]?.owed.removeAll { $0 == input }
            case .limited, .usedUp, .unavailable, .failed: break
            }
        }
        receive(pending, for: id)
    }
}

/// Somebody does not belong to a conversation any more.
struct MembershipEnding: Sendable, Hashable {
    let user: UserID
    let conversation: ConversationID
}

/// The memberships that ended lately, each with its number. Members are looked up before a command comes to its call; what
/// was looked up before an ending is out of date after it.
struct MembershipEndings {
    /// How many are remembered: a look-up takes far less time than so many endings.
    static let limit = 4096
    private var numbers: [MembershipEnding: UInt64] = [:]
    private var order: [MembershipEnding] = []
    private var next = 0

    mutating func note(_ ending: MembershipEnding, number: UInt64) {
        guard numbers.updateValue(number, forKey: ending) == nil else { return }
        if order.count < Self.limit {
            order.append(ending)
        } else {
            numbers[order[next]] = nil
            order[next] = ending
            next = (next + 1) % Self.limit
        }
    }

    /// Whether a user's membership has ended since so many had.
    func contains(_ user: UserID, of conversation: ConversationID, since endings: UInt64) -> Bool {
        numbers[MembershipEnding(user: user, conversation: conversation)].map { $0 > endings } ?? false
    }
}

extension PendingInput {
    /// The input, with nobody taken for a member of the call's conversation who was one only when it was looked up.
    func input(for call: Call, upToDateWith latest: MembershipEndings) -> CallInput {
        func isOver(_ user: UserID) -> Bool { latest.contains(user, of: call.conversation, since: endings) }
        switch input {
        case .command(.join(let request, let media, isMember: true), from: let origin) where isOver(origin.user):
            return .command(.join(request, media, isMember: false), from: origin)
        case .command(.add(let request, let callees), from: let origin):
            let callees = callees.map { callee in
                var callee = callee
                if isOver(callee.user) { callee.isMember = false }
                return callee
            }
            return .command(.add(request, callees), from: origin)
        default: return input
        }
    }
}

extension PendingInvite {
    /// The invite without those who have ceased to be members since they were looked up; nil when nothing is left of it.
    func upToDate(with latest: MembershipEndings) -> PendingInvite? {
        func isOver(_ user: UserID) -> Bool { latest.contains(user, of: conversation, since: endings) }
        if isOver(caller.id) { return nil }
        let left = callees.filter { !isOver($0.profile.id) }
        if left.count == callees.count { return self }
        guard !left.isEmpty else { return nil }
        return PendingInvite(
            invite: invite, caller: caller, device: device, callees: left, conversation: conversation, mode: mode,
            endings: endings, reply: reply)
    }
}
