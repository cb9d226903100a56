import Primitives
import SignalingCore

// Invariants beyond the tables: who is told, who gets in, who is host.
extension World {
    /// What single devices are told besides the call and signals, in order.
    func checkNotices(_ transition: CallTransition, _ outcome: Reference.Outcome) {
        var expected = outcome.notices[...]
        for delivery in transition.deliveries {
            switch delivery.event {
            case .offerUnanswered, .mediaStopped, .joinDenied:
                guard expected.popFirst() == delivery else {
                    return fail(.noticesAsTables, "\(Describe.event(delivery.event)) to \(delivery.address)")
                }
            case .updated: if expected.first == delivery { expected.removeFirst() }
            case .incoming, .changed, .ringStopped, .moved, .gone, .signal: break
            }
        }
        if !expected.isEmpty { fail(.noticesAsTables, "\(expected.count) notices are missing") }
    }

    /// Nobody is told of a call that they may not see, unless they asked to be admitted.
    func checkHidden(_ transition: CallTransition, from before: Call) {
        for delivery in transition.deliveries {
            let user = delivery.address.user
            guard let after = transition.call.participant(user), !after.maySeeCall else { continue }
            // Somebody who is sent out is told so.
            if !after.isHidden, before.participant(user)?.maySeeCall ?? false { continue }
            if before.joinRequests.contains(where: { $0.origin.user == user }) { continue }
            fail(.hiddenHearNothing, "\(Describe.user(user)) is told: \(Describe.event(delivery.event))")
        }
    }

    /// A user who does not know of the call yet, and is rung by somebody who is welcome, rings.
    func checkWelcomed(_ transition: CallTransition, _ outcome: Reference.Outcome) {
        for user in outcome.welcomed {
            guard transition.call.participant(user)?.isHidden == false,
                transition.deliveries.contains(CallDelivery(to: .user(user), .incoming))
            else { return fail(.welcomeRingsAreHeard, "\(Describe.user(user)) does not ring") }
        }
    }

    /// Everybody recorded in a call as a member of its conversation is one, once nothing is in flight.
    func checkMembers(_ server: ModelServer) {
        guard server.knowsMembers else { return }
        for live in server.followed where live.call.conversation == ModelServer.group {
            guard let open = server.table.inspect(live.id), open.isSettled, open.waitingCount == 0, open.owed.isEmpty
            else { continue }
            for participant in live.call.participants
            where participant.standing == .member && !members.contains(participant.user) {
                fail(.onlyThoseWhoBelong, "\(Describe.user(participant.user)): \(Describe.call(live.call))")
            }
        }
    }

    /// Users who may not see a call are answered like strangers, unless they join or have asked to be admitted.
    func checkAnswer(to input: CallInput, _ transition: CallTransition, from before: Call) {
        guard case .command(let command, from: let origin) = input, transition.refusal != .notFound,
            before.participant(origin.user).map({ !$0.maySeeCall }) ?? false,
            !before.joinRequests.contains(where: { $0.origin.user == origin.user })
        else { return }
        if case .join = command { return }
        fail(.hiddenHearNothing, "\(Describe.user(origin.user)) is answered: \(Describe.refusal(transition.refusal))")
    }

    /// Who is newly in the call or rung for it.
    func checkComingIn(_ transition: CallTransition, from before: Call) {
        let call = transition.call
        let present = call.participants.count { $0.isInvolved }
        if present > call.rules.participantLimit, present > before.participants.count(where: { $0.isInvolved }) {
            fail(.limitsHold, "\(present) people: \(Describe.call(call))")
        }
        if call.joinRequests.count > call.rules.participantLimit { fail(.limitsHold, "too many ask to be let in") }
        for participant in call.participants {
            let old = before.participant(participant.user)
            if participant.isRinging, let rungAt = participant.rungAt, let earlier = old?.rungAt, rungAt != earlier,
                rungAt - earlier < call.rules.timings.ringAgain, old?.isHidden == false || participant.isHidden
            {
                fail(.limitsHold, "\(Describe.user(participant.user)) is rung again too soon")
            }
            guard participant.isConnected, !(old?.isInvolved ?? false) else { continue }
            if old?.isBarred ?? false { fail(.nobodyJoinsUninvited, "\(Describe.user(participant.user)) is barred") }
            let hasAsked = before.joinRequests.contains { $0.origin.user == participant.user }
            if call.isLocked, !hasAsked, !(old?.isHostOrCoHost ?? false) {
                fail(.nobodyJoinsUninvited, "\(Describe.user(participant.user)) comes in, and it is locked")
            }
        }
    }

    /// A running group call with anybody in it has a host, and only one.
    func checkHost(_ call: Call) {
        guard call.mode == .group, !call.isEnded else { return }
        let connected = call.participants.filter(\.isConnected)
        let hosts = connected.count { $0.role == .host }
        if hosts > 1 || hosts == 0 && !connected.isEmpty {
            fail(.oneHost, "\(hosts) hosts: \(Describe.call(call))")
        }
    }
}
