import NIOConcurrencyHelpers
import Primitives
import SignalingCore
import Storage

/// Completes requests of devices with what only the server knows: who is called and under which policy, who is a
/// member, who is in a call, which devices have a socket. Also enforces the rate limits.
final class CallRequests: Sendable {
    private let people: any CallPeople
    private let presence: any DevicePresence
    private let openCalls: OpenCalls
    private let archive: CallArchive
    private let metrics: CallMetrics
    private let invitesPerMinute: Int
    private let quotas: DailyQuotas
    private let now: @Sendable () -> Instant
    private let inviteLimits = NIOLockedValueBox(InviteLimits())
    private let commandLimits = NIOLockedValueBox(CallCommandLimits())

    init(
        people: any CallPeople, presence: any DevicePresence, openCalls: OpenCalls, archive: CallArchive,
        metrics: CallMetrics, invitesPerMinute: Int, quotas: DailyQuotas, now: @escaping @Sendable () -> Instant
    ) {
        self.people = people
        self.presence = presence
        self.openCalls = openCalls
        self.archive = archive
        self.metrics = metrics
        self.invitesPerMinute = invitesPerMinute
        self.quotas = quotas
        self.now = now
    }

    /// Why a request is refused.
    struct Refusal: Error {
        let reply: CallReply

        init(_ reply: CallReply) { self.reply = reply }

        init(_ error: CallPeopleError) {
            switch error {
            case .notFound: reply = .refused(.notFound, nil)
            case .unavailable: reply = .unavailable
            }
        }
    }

    /// The answer to a request that is refused before any look-up: because of who is called, or how often.
    func refusal(of request: CallRequest, by user: UserID) -> CallReply? {
        switch request {
        case .invite(let invite):
            if invite.target == .user(user) { return .refused(.forbidden, nil) }
            // The sender pays for one at once; how many more there are is only known later.
            if let refusal = takeInvites(1, of: user) { return refusal }
            metrics.invites.add()
            return nil
        case .join: return takeCommand(.told, of: user)
        case .decline: return takeCommand(.other, of: user)
        case .add(_, _, let users): return takeCommand(.told, of: user) ?? takeInvites(users.count, of: user)
        case .command(_, let command): return takeCommand(command.kind, of: user)
        }
    }

    /// Completes a request without a look-up; nil when it needs one.
    func complete(_ request: CallRequest, from sender: UserID) -> (command: CallCommand, call: CallID)? {
        switch request {
        case .command(let id, let command): return (command, id)
        case .decline(let id, let name, let isBusy): return (decline(name, isBusy: isBusy, by: sender), id)
        case .invite, .join, .add: return nil
        }
    }

    /// Completes a request with a look-up.
    ///
    /// - Parameter endings: How many memberships had ended before the look-up.
    func complete(
        _ request: CallRequest, from sender: Profile, replyTo: ReplyTo, endings: UInt64
    ) async throws(Refusal) -> CallTable.Input {
        func asked(_ newcomers: [Profile]) -> CallTable.Asked {
            CallTable.Asked(replyTo, newcomers: newcomers, endings: endings)
        }
        switch request {
        case .invite(let invite):
            let (invitation, callees) = try await invitation(invite, from: sender.id, by: replyTo.origin)
            return .invite(invitation, asked([sender] + callees))
        case .join(let id, let name, let media):
            let isMember = try await members(ofConversationOf: id).contains(sender.id)
            return .command(.join(name, media, isMember: isMember), id, asked([sender]))
        case .add(let id, let name, let users):
            let members = try await members(ofConversationOf: id)
            let policies = try await policies(of: users, calledBy: sender.id)
            let callees = policies.map { callee($0, isMember: members.contains($0.profile.id)) }
            return .command(.add(name, callees), id, asked(policies.map(\.profile)))
        case .decline(let id, let name, let isBusy):
            return .command(decline(name, isBusy: isBusy, by: sender.id), id, asked([]))
        case .command(let id, let command): return .command(command, id, asked([]))
        }
    }

    /// While one device is merely busy, the others that have a socket go on ringing.
    private func decline(_ name: RequestID, isBusy: Bool, by user: UserID) -> CallCommand {
        .decline(name, isBusy: isBusy, reachable: isBusy ? presence.connectedDevices(of: user) : [])
    }

    // MARK: Look-ups

    private func invitation(
        _ invite: Invite, from caller: UserID, by origin: CallOrigin
    ) async throws(Refusal) -> (Invitation, callees: [Profile]) {
        let called =
            switch invite.target {
            case .user(let user): try await called(user, by: invite, from: caller)
            case .conversation(let id, ringing: let chosen):
                try await called(id, ringing: chosen, by: invite, from: caller)
            }
        let invitation = Invitation(
            call: .random(at: now()), conversation: called.conversation, mode: called.mode, caller: origin,
            callees: called.policies.map { callee($0, isMember: true) }, type: invite.type, media: invite.media,
            clientCallID: invite.clientCallID)
        return (invitation, called.policies.map(\.profile))
    }

    /// The policies of those users whom the caller may call: at least one.
    private func policies(
        of users: [UserID], calledBy caller: UserID
    ) async throws(Refusal) -> [CalleePolicy] {
        let policies = try await found { () throws(CallPeopleError) in
            try await people.calleePolicies(of: users, calledBy: caller)
        }
        let callable = users.compactMap { policies[$0] }.filter { !$0.isBlockedByCaller }
        if callable.isEmpty { throw Refusal(.refused(policies.isEmpty ? .notFound : .forbidden, nil)) }
        return callable
    }

    private func callee(_ policy: CalleePolicy, isMember: Bool) -> Callee {
        let user = policy.profile.id
        return Callee(
            user, isBusy: !policy.hasCallWaiting && openCalls.isInCall(user), isHidden: !policy.isReachable,
            isMember: isMember)
    }

    /// Which conversation an invite calls, and whom.
    private struct Called {
        let conversation: ConversationID
        let mode: Call.Mode
        var policies: [CalleePolicy]
    }

    private func called(_ user: UserID, by invite: Invite, from caller: UserID) async throws(Refusal) -> Called {
        let callee = try await found { () throws(CallPeopleError) in
            try await people.directCallee(user, calledBy: caller, as: invite.clientCallID)
        }
        if callee?.isRepeated != false { try await refuseRepeated(invite, by: caller) }
        guard let callee else { throw Refusal(CallPeopleError.notFound) }
        guard !callee.policy.isBlockedByCaller else { throw Refusal(.refused(.forbidden, nil)) }
        if let conversation = callee.conversation {
            return Called(conversation: conversation, mode: .direct, policies: [callee.policy])
        }
        let conversation = try await found { () throws(CallPeopleError) in
            try await people.directConversation(between: caller, and: user)
        }
        return Called(conversation: conversation, mode: .direct, policies: [callee.policy])
    }

    private func called(
        _ id: ConversationID, ringing chosen: [UserID], by invite: Invite, from caller: UserID
    ) async throws(Refusal) -> Called {
        try await refuseRepeated(invite, by: caller)
        let (mode, members, nominal) = try await found { () throws(CallPeopleError) in
            try await people.conversation(id, of: caller)
        }
        let others = members.filter { $0 != caller }
        let isChosen = Set(chosen)
        guard isChosen.isSubset(of: others) else { throw Refusal(CallPeopleError.notFound) }
        let users = isChosen.isEmpty ? others : others.filter(isChosen.contains)
        if let refusal = takeInvites(users.count, of: caller, paid: 1) { throw Refusal(refusal) }
        var policies = try await policies(of: users, calledBy: caller)
        // Members in name only must not know of the call.
        for index in policies.indices where nominal.contains(policies[index].profile.id) {
            policies[index].isReachable = false
        }
        return Called(conversation: id, mode: mode, policies: policies)
    }

    private func members(ofConversationOf call: CallID) async throws(Refusal) -> Set<UserID> {
        guard let conversation = try await conversation(of: call) else { return [] }
        return try await found { () throws(CallPeopleError) in try await people.members(of: conversation) }
    }

    private func conversation(of call: CallID) async throws(Refusal) -> ConversationID? {
        if let conversation = openCalls.conversation(of: call) { return conversation }
        do {
            return try await archive.conversation(of: call)
        } catch {
            throw Refusal(CallReply.unavailable)
        }
    }

    /// Answers an invite that the caller has sent before, and whose call is over, with that call.
    private func refuseRepeated(_ invite: Invite, by caller: UserID) async throws(Refusal) {
        let stored: CallView?
        do {
            stored = try await archive.call(placedBy: caller, as: invite.clientCallID)
        } catch {
            throw Refusal(CallReply.unavailable)
        }
        // An open call's owner knows more than what is stored, and answers it.
        if let stored, stored.call.isEnded { throw Refusal(.done(stored.shown(to: caller))) }
    }

    private func found<Found>(
        _ lookUp: () async throws(CallPeopleError) -> Found
    ) async throws(Refusal) -> Found {
        do throws(CallPeopleError) {
            return try await lookUp()
        } catch {
            throw Refusal(error)
        }
    }

    // MARK: Limits

    /// Charges invites to a user's limits for a minute and for a day.
    /// - Parameters:
    ///   - count: How many are rung.
    ///   - paid: How many of them are already paid for.
    /// - Returns: The refusal when the limits do not allow them, else nil.
    private func takeInvites(_ count: Int, of user: UserID, paid: Int = 0) -> CallReply? {
        // However many there are at once, a full bucket is enough.
        let cost = min(count, invitesPerMinute) - paid
        if cost > 0 {
            let present = now()
            let wait = inviteLimits.withLockedValue { $0.take(cost, user, invitesPerMinute, now: present) }
            if let wait { return .limited(retryAfter: wait) }
        }
        guard count > paid else { return nil }
        return quotas.spend(.rings, count - paid, of: user).map { .usedUp(retryAfter: $0) }
    }

    /// Charges a command to a user's limit.
    private func takeCommand(_ kind: CallCommandLimits.Kind, of user: UserID) -> CallReply? {
        let present = now()
        guard let wait = commandLimits.withLockedValue({ $0.take(kind, of: user, now: present) }) else { return nil }
        metrics.limitedCommands.add()
        return .limited(retryAfter: wait)
    }
}

/// How often each user has called recently. Users whose bucket is full again are forgotten, so the table stays small.
private struct InviteLimits {
    private var buckets: [UserID: TokenBucket] = [:]
    private var forgetAt = 1024

    /// Takes invites; returns how long to wait when the limit is reached, else nil.
    mutating func take(_ count: Int, _ user: UserID, _ perMinute: Int, now: Instant) -> Instant.Span? {
        if buckets.count >= forgetAt {
            buckets = buckets.filter { !$0.value.isFull(now: now) }
            forgetAt = max(1024, buckets.count * 2)
        }
        var bucket = buckets[user] ?? TokenBucket(perMinute, per: .seconds(60), now: now)
        let isTaken = bucket.take(count, now: now)
        buckets[user] = bucket
        return isTaken ? nil : bucket.wait(for: count, now: now)
    }
}
