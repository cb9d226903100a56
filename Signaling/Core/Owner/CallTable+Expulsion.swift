public import Primitives

// How calls are told that a user no longer belongs to them. That takes effect however long it takes: what can't be
// written now is retried.
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

    /// The calls that know a user, and those to which an input on its way to disk may add the user.
    private func callsConcerning(_ user: UserID) -> [CallID] {
        (callsOfUser[user] ?? []).union(unsettled).sorted()
    }

    /// Retries the removals that a call still has to carry out.
    mutating func tryOwed(of id: CallID) {
        guard let open = calls[id], open.isSettled else { return }
        for input in open.owed { receive(Pending(input, then: .owed(input)), for: id) }
    }

    private mutating func expel(by input: CallInput, from id: CallID) {
        guard let open = calls[id] else { return }
        if !open.owed.contains(input) { calls[id]?.owed.append(input) }
        receive(Pending(input, then: .owed(input)), for: id)
    }

    /// The input, with nobody counted as a member of the call's conversation who was one only at look-up; nil when
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

/// A user no longer belongs to a conversation.
public struct MembershipEnding: Sendable, Hashable {
    /// The user.
    public let user: UserID
    /// The conversation.
    public let conversation: ConversationID

    /// Identifies an ended membership.
    public init(user: UserID, conversation: ConversationID) {
        self.user = user
        self.conversation = conversation
    }
}

/// The memberships that ended recently, each with its number. Members are looked up before a command reaches its call;
/// a look-up is out of date after an ending that follows it.
struct MembershipEndings {
    /// How many are remembered: far more than can end during a look-up.
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

    /// Whether a user's membership ended after this number of endings.
    func contains(_ user: UserID, of conversation: ConversationID, since endings: UInt64) -> Bool {
        numbers[MembershipEnding(user: user, conversation: conversation)].map { $0 > endings } ?? false
    }
}
