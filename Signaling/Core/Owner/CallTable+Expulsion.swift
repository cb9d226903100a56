public import Primitives

// How calls hear that somebody has no business in them any more. That comes about however long it takes: what can't be
// written now is tried again.
extension CallTable {
    mutating func membershipEnded(_ ending: MembershipEnding, number: UInt64?) {
        if let number { endings.note(ending, number: number) }
        for id in callsConcerning(ending.user) where calls[id]?.call.conversation == ending.conversation {
            expel(by: .membershipEnded(ending.user), from: id)
        }
    }

    mutating func loggedOut(_ user: UserID, _ devices: [DeviceID], isLast: Bool) {
        for id in callsConcerning(user) {
            for device in devices { expel(by: .deviceLoggedOut(user, device), from: id) }
            if isLast { expel(by: .userLoggedOut(user), from: id) }
        }
    }

    /// The calls that a user is known to, and those to which an input on its way to disk may make the user known.
    private func callsConcerning(_ user: UserID) -> [CallID] {
        (callsOfUser[user] ?? []).union(unsettled).sorted()
    }

    /// Tries again what a call is owed.
    mutating func tryOwed(of id: CallID) {
        guard let open = calls[id], open.isSettled else { return }
        for input in open.owed { receive(Pending(input, then: .owed(input)), for: id) }
    }

    private mutating func expel(by input: CallInput, from id: CallID) {
        guard let open = calls[id] else { return }
        if !open.owed.contains(input) { calls[id]?.owed.append(input) }
        receive(Pending(input, then: .owed(input)), for: id)
    }

    /// The input, with nobody taken for a member of the call's conversation who was one only when it was looked up; nil when
    /// nothing is left of it.
    func upToDate(_ pending: Pending, in conversation: ConversationID) -> CallInput? {
        func isOver(_ user: UserID) -> Bool { endings.contains(user, of: conversation, since: pending.endings) }
        switch pending.input {
        case .invite(var invitation):
            if isOver(invitation.caller.user) { return nil }
            invitation.callees.removeAll { isOver($0.user) }
            return invitation.callees.isEmpty ? nil : .invite(invitation)
        case .command(.join(let request, let media, isMember: true), from: let origin) where isOver(origin.user):
            return .command(.join(request, media, isMember: false), from: origin)
        case .command(.add(let request, var callees), from: let origin):
            for index in callees.indices where isOver(callees[index].user) { callees[index].isMember = false }
            return .command(.add(request, callees), from: origin)
        default: return pending.input
        }
    }
}

/// Somebody does not belong to a conversation any more.
public struct MembershipEnding: Sendable, Hashable {
    /// Who.
    public let user: UserID
    /// Where.
    public let conversation: ConversationID

    /// Names an ended membership.
    public init(user: UserID, conversation: ConversationID) {
        self.user = user
        self.conversation = conversation
    }
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
