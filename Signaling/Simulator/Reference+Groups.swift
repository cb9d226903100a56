import Primitives
import SignalingCore

// The rules of group calls, written from the tables.
extension Reference {
    private var presentCount: Int { people.count(where: \.isPresent) }

    // MARK: Being rung

    mutating func ring(
        _ callee: Callee, at now: Instant, _ outcome: inout Outcome, _ coverage: inout Coverage
    ) {
        if callee.isHidden { coverage.note(.inviteHidden) }
        joinRequests.removeAll { $0.origin.user == callee.user }
        let index: Int
        var seemsToRing = false
        if let known = self.index(of: callee.user) {
            if people[known].status != .ringing { coverage.note(.leftRungAgain) }
            if people[known].isHidden, !callee.isHidden, !callee.isBusy { outcome.welcomed.append(callee.user) }
            seemsToRing = people[known].status == .ringing && people[known].isAlerted
            index = known
        } else {
            people.append(Person(user: callee.user, status: .ringing))
            index = people.count - 1
        }
        people[index].rungAt = now
        people[index].isHidden = callee.isHidden
        people[index].standing = callee.isMember ? .member : .guest
        people[index].joinedAt = nil
        people[index].leftAt = nil
        people[index].reason = nil
        people[index].busy = []
        people[index].isAlerted = seemsToRing
        if callee.isBusy, !callee.isHidden {
            stop(index, .declined, .busy, at: now)
        } else {
            people[index].status = .ringing
            people[index].ringsUntil = now + timings.ring
        }
    }

    /// Somebody who is being rung is rung by another user: a callee who has not been told of the call, and may be, now
    /// rings. Otherwise the ring is extended, up to the length of two rings.
    private mutating func ringOnceMore(
        _ callee: Callee, _ now: Instant, _ outcome: inout Outcome, _ coverage: inout Coverage
    ) {
        guard let index = index(of: callee.user), let until = people[index].ringsUntil,
            let rungAt = people[index].rungAt
        else { return }
        if people[index].isHidden, !callee.isHidden {
            coverage.note(.hiddenRungByAnother)
            ring(callee, at: now, &outcome, &coverage)
        } else {
            coverage.note(.ringingRungOnceMore)
            people[index].ringsUntil = max(until, min(now + timings.ring, rungAt + timings.ring + timings.ring))
        }
        guard status == .initiated else { return }
        if let until = people[index].ringsUntil { ringsUntil = max(ringsUntil, until) }
        if people[index].status != .ringing { endIfNobodyRings(at: now, &outcome, &coverage) }
    }

    /// Somebody who enters the call by an invite rings those who ring, and those who have not answered.
    mutating func ringWhoHasNotAnswered(
        _ callees: [Callee], _ origin: CallOrigin, _ now: Instant, _ outcome: inout Outcome,
        _ coverage: inout Coverage
    ) {
        guard let own = person(origin.user), own.status == .connected, own.device == origin.device,
            !isLocked || own.mayHost
        else { return }
        for callee in callees where !isEnded {
            guard let other = person(callee.user) else { continue }
            if other.status == .ringing {
                ringOnceMore(callee, now, &outcome, &coverage)
            } else if other.status == .left, other.reason == .noAnswer,
                refusal(to: callee, own.mayHost, now, &coverage) == nil
            {
                coverage.note(.inviteRingsUnanswered)
                ring(callee, at: now, &outcome, &coverage)
            }
        }
    }

    /// A device that was woken by a push gets at least 20 s, once, and 75 s in all at most.
    mutating func alert(_ index: Int, _ wokenByPush: Bool, _ now: Instant, _ coverage: inout Coverage) {
        coverage.note(.ringingAlerts)
        people[index].isAlerted = true
        guard wokenByPush, let rungAt = people[index].rungAt, let until = people[index].ringsUntil else { return }
        guard until == rungAt + timings.ring else { return coverage.note(.ringingExtendedTwice) }
        let extended = min(now + timings.ringExtension, rungAt + timings.ringLimit)
        guard extended > until else { return }
        coverage.note(.ringingExtended)
        people[index].ringsUntil = extended
        if status == .initiated { ringsUntil = max(ringsUntil, extended) }
    }

    mutating func add(
        _ callees: [Callee], _ index: Int, _ isActive: Bool, _ now: Instant, _ outcome: inout Outcome,
        _ coverage: inout Coverage
    ) {
        if isEnded {
            outcome.refusal = refused(.callEnded, .endedAccept, &coverage)
        } else if !isActive || !isGroup && status != .ongoing {
            outcome.refusal = .wrongState
        } else if isLocked, !people[index].mayHost {
            outcome.refusal = refused(.forbidden, .addToLocked, &coverage)
        } else {
            var first: CallRefusal?
            var isRung = false
            for callee in callees where person(callee.user)?.status != .connected {
                if person(callee.user)?.status == .ringing {
                    ringOnceMore(callee, now, &outcome, &coverage)
                    if isEnded { return }
                    continue
                }
                if let refusal = refusal(to: callee, people[index].mayHost, now, &coverage) {
                    first = first ?? refusal
                    continue
                }
                if !isGroup { coverage.note(.directGrows) }
                coverage.note(.ongoingAdds)
                isRung = true
                ring(callee, at: now, &outcome, &coverage)
            }
            if isRung { isGroup = true } else { outcome.refusal = first }
            if isRung, status == .initiated { ringsUntil = max(ringsUntil, now + timings.ring) }
        }
    }

    private func refusal(
        to callee: Callee, _ isByHost: Bool, _ now: Instant, _ coverage: inout Coverage
    ) -> CallRefusal? {
        if let known = person(callee.user) {
            if known.isBarred, !isByHost { return refused(.forbidden, .barredAdded, &coverage) }
            let isFirstHeard = known.isHidden && !callee.isHidden
            if let rungAt = known.rungAt, now - rungAt < timings.ringAgain, !isFirstHeard {
                let left = rungAt + timings.ringAgain - now
                return refused(.rungJustNow(retryAfter: left), .leftRungTooSoon, &coverage)
            }
            if known.isBarred, presentCount < rules.participantLimit { coverage.note(.barredAddedByHost) }
        }
        return presentCount < rules.participantLimit ? nil : refused(.callFull, .addToFull, &coverage)
    }

    // MARK: Joining

    mutating func join(
        _ origin: CallOrigin, _ media: MediaState, isMember: Bool, _ now: Instant, _ outcome: inout Outcome,
        _ coverage: inout Coverage
    ) {
        let index = index(of: origin.user)
        let mayKnow = index.map { !people[$0].isHidden } ?? false
        let status = index.map { people[$0].status }
        let isStillThere = index.map { people[$0].isPresent && !people[$0].isHidden } ?? false
        let mayCome = index.map { people[$0].standing == .guest || !isGroup || isEnded } ?? false
        let hasSeen = mayCome && (index.map { people[$0].maySee } ?? false)
        if !(isGroup && isMember), !isStillThere, !hasSeen {
            outcome.refusal = refused(.notFound, .joinOfStranger, &coverage)
        } else if isEnded {
            outcome.refusal = refused(.callEnded, .endedJoin, &coverage)
        } else if let index, status == .connected {
            guard people[index].device != origin.device else { return }
            outcome.refusal = refused(.answeredElsewhere, .joinElsewhere, &coverage)
        } else if let index, status == .ringing, mayKnow {
            coverage.note(.joinRung)
            connect(index, origin, media, now, &outcome, &coverage)
        } else if !isGroup {
            outcome.refusal = .wrongState
        } else if let index, people[index].isBarred {
            outcome.refusal = refused(.forbidden, .joinBarred, &coverage)
        } else if presentCount >= rules.participantLimit {
            outcome.refusal = refused(.callFull, .joinFull, &coverage)
        } else if isLocked, !(index.map { people[$0].mayHost } ?? false) {
            joinRequest(origin, media, &outcome, &coverage)
        } else {
            enter(origin, media, now, &outcome, &coverage)
        }
    }

    private mutating func joinRequest(
        _ origin: CallOrigin, _ media: MediaState, _ outcome: inout Outcome, _ coverage: inout Coverage
    ) {
        let joinRequest = LobbyRequest(origin: origin, media: media)
        if let index = joinRequests.firstIndex(where: { $0.origin.user == origin.user }) {
            joinRequests[index] = joinRequest
        } else if joinRequests.count < rules.participantLimit {
            coverage.note(.joinLocked)
            joinRequests.append(joinRequest)
        } else {
            outcome.refusal = refused(.callFull, .joinFull, &coverage)
        }
    }

    private mutating func enter(
        _ origin: CallOrigin, _ media: MediaState, _ now: Instant, _ outcome: inout Outcome,
        _ coverage: inout Coverage
    ) {
        if status == .ongoing, !people.contains(where: { $0.status == .connected }) { coverage.note(.emptyJoined) }
        let index: Int
        if let known = self.index(of: origin.user) {
            coverage.note(people[known].isHidden ? .joinHidden : .leftJoinsAgain)
            index = known
        } else {
            coverage.note(.join)
            people.append(Person(user: origin.user, status: .left))
            index = people.count - 1
        }
        if people[index].standing == .former { people[index].standing = .member }
        connect(index, origin, media, now, &outcome, &coverage)
    }

    // MARK: Hosts

    mutating func passHostOn(_ coverage: inout Coverage) {
        guard isGroup, !isEnded else { return }
        let connected = people.indices.filter { people[$0].status == .connected }
        guard !connected.isEmpty, !connected.contains(where: { people[$0].role == .host }) else { return }
        let coHosts = connected.filter { people[$0].role == .coHost }
        coverage.note(coHosts.isEmpty ? .hostIsLongest : .hostIsCoHost)
        var next = (coHosts.isEmpty ? connected : coHosts)[0]
        for other in coHosts.isEmpty ? connected : coHosts {
            if let joined = people[other].joinedAt, let best = people[next].joinedAt, joined < best { next = other }
        }
        for index in people.indices where people[index].role == .host { people[index].role = .coHost }
        people[next].role = .host
    }

    mutating func carryOut(
        _ control: HostControl, _ index: Int, _ isActive: Bool, _ now: Instant, _ outcome: inout Outcome,
        _ coverage: inout Coverage
    ) {
        if isEnded {
            if control != .end { outcome.refusal = refused(.callEnded, .endedControl, &coverage) }
            return
        }
        guard isActive, isGroup else {
            outcome.refusal = refused(.wrongState, .controlNotThere, &coverage)
            return
        }
        guard people[index].mayHost else {
            outcome.refusal = refused(.forbidden, .controlOfNoHost, &coverage)
            return
        }
        switch control {
        case .setRole(let user, let role): give(role, to: user, index, &outcome, &coverage)
        case .stopMedia(let medium, of: let user):
            stopMedia(medium, of: user, index, now, &outcome, &coverage)
        case .remove(let user, let isBarred):
            remove(user, isBarred, index, now, &outcome, &coverage)
        case .lock(let isLocked):
            coverage.note(isLocked ? .locked : .unlocked)
            self.isLocked = isLocked
            if !isLocked { openDoor(now, &outcome, &coverage) }
        case .admit(let user, let isAdmitted):
            guard let joinRequest = joinRequests.first(where: { $0.origin.user == user }) else { return }
            if isAdmitted { admit(joinRequest, now, &outcome, &coverage) } else { turnAway(user, &outcome, &coverage) }
        case .end:
            guard people[index].role == .host else {
                outcome.refusal = refused(.forbidden, .coHostMayNot, &coverage)
                return
            }
            coverage.note(.ongoingEndedByHost)
            end(answeredAt == nil ? .cancelled : .endedByHost, at: now, &outcome, &coverage)
        }
    }

    private mutating func give(
        _ role: Participant.Role, to user: UserID, _ index: Int, _ outcome: inout Outcome,
        _ coverage: inout Coverage
    ) {
        guard people[index].role == .host, user != people[index].user else {
            outcome.refusal = refused(.forbidden, .coHostMayNot, &coverage)
            return
        }
        guard let other = self.index(of: user) else {
            outcome.refusal = .notFound
            return
        }
        if role == .host {
            guard people[other].status == .connected else {
                outcome.refusal = .wrongState
                return
            }
            people[index].role = .coHost
        }
        coverage.note(role == .host ? .hostGiven : .roleGiven)
        people[other].role = role
    }

    private mutating func stopMedia(
        _ medium: Medium, of user: UserID?, _ index: Int, _ now: Instant, _ outcome: inout Outcome,
        _ coverage: inout Coverage
    ) {
        let host = people[index]
        if let user {
            guard let other = person(user) else {
                outcome.refusal = .notFound
                return
            }
            if other.status == .connected, other.role == .host, host.role != .host {
                outcome.refusal = refused(.forbidden, .coHostMayNot, &coverage)
                return
            }
        }
        for (other, person) in people.enumerated() where person.status == .connected {
            guard user.map({ $0 == person.user }) ?? (person.user != host.user && person.role != .host),
                let device = person.device
            else { continue }
            coverage.note(user == nil ? .mediaStoppedForAll : .mediaStopped)
            if medium == .camera { people[other].media.camera = false }
            if medium == .screen { close(person.user, .stopped, at: now, &outcome, &coverage) }
            outcome.notices.append(.init(to: .device(person.user, device), .mediaStopped(medium, by: host.user)))
        }
    }

    private mutating func remove(
        _ user: UserID, _ isBarred: Bool, _ index: Int, _ now: Instant, _ outcome: inout Outcome,
        _ coverage: inout Coverage
    ) {
        guard let other = self.index(of: user) else {
            if !turnAway(user, &outcome, &coverage) { outcome.refusal = .notFound }
            return
        }
        guard other != index, people[index].role == .host || people[other].role != .host else {
            outcome.refusal = refused(.forbidden, .coHostMayNot, &coverage)
            return
        }
        let reason: Participant.LeaveReason = isBarred ? .kicked : .removed
        turnAway(user, &outcome, &coverage)
        switch people[other].status {
        case .ringing:
            coverage.note(.ringingRemoved)
            stop(other, .left, reason, at: now)
            endIfNobodyRings(at: now, &outcome, &coverage)
        case .connected:
            coverage.note(isBarred ? .connectedKicked : .connectedRemoved)
            leave(other, reason, at: now, &outcome, &coverage)
        case .declined, .left:
            guard isBarred else { return }
            coverage.note(.leftBarred)
            people[other].status = .left
            people[other].reason = .kicked
        }
    }

    private mutating func openDoor(_ now: Instant, _ outcome: inout Outcome, _ coverage: inout Coverage) {
        for joinRequest in joinRequests {
            if presentCount < rules.participantLimit {
                admit(joinRequest, now, &outcome, &coverage)
            } else {
                coverage.note(.unlockedFull)
                turnAway(joinRequest.origin.user, &outcome, &coverage)
            }
        }
    }

    private mutating func admit(
        _ joinRequest: LobbyRequest, _ now: Instant, _ outcome: inout Outcome, _ coverage: inout Coverage
    ) {
        guard presentCount < rules.participantLimit else {
            outcome.refusal = refused(.callFull, .joinFull, &coverage)
            return
        }
        coverage.note(.joinRequestAdmitted)
        enter(joinRequest.origin, joinRequest.media, now, &outcome, &coverage)
    }

    // MARK: Those who no longer belong to the call

    mutating func membershipEnded(
        _ user: UserID, _ now: Instant, _ outcome: inout Outcome, _ coverage: inout Coverage
    ) {
        guard !isEnded else { return }
        expel(user, now, &outcome, &coverage)
        guard let index = index(of: user) else { return }
        if people[index].standing != .former { coverage.note(.membershipEnded) }
        people[index].standing = .former
        people[index].role = .participant
    }

    mutating func loggedOut(
        _ origin: CallOrigin, _ now: Instant, _ outcome: inout Outcome, _ coverage: inout Coverage
    ) {
        guard !isEnded else { return }
        withdraw(origin, &coverage)
        guard let index = index(of: origin.user), people[index].status == .connected,
            people[index].device == origin.device
        else { return }
        coverage.note(.deviceLoggedOut)
        leave(index, .removed, at: now, &outcome, &coverage)
    }

    mutating func expel(_ user: UserID, _ now: Instant, _ outcome: inout Outcome, _ coverage: inout Coverage) {
        turnAway(user, &outcome, &coverage)
        guard let index = index(of: user) else { return }
        switch people[index].status {
        case .ringing:
            coverage.note(.ringingExpelled)
            stop(index, .left, .removed, at: now)
            endIfNobodyRings(at: now, &outcome, &coverage)
        case .connected:
            coverage.note(.connectedExpelled)
            leave(index, .removed, at: now, &outcome, &coverage)
        case .declined, .left: break
        }
    }

    @discardableResult
    private mutating func turnAway(
        _ user: UserID, _ outcome: inout Outcome, _ coverage: inout Coverage
    ) -> Bool {
        guard let index = joinRequests.firstIndex(where: { $0.origin.user == user }) else { return false }
        coverage.note(.joinRequestDenied)
        let origin = joinRequests.remove(at: index).origin
        outcome.notices.append(.init(to: .device(origin.user, origin.device), .joinDenied))
        return true
    }

    mutating func raiseHand(
        _ isRaised: Bool, _ owner: UserID, _ index: Int, _ isActive: Bool, _ now: Instant, _ outcome: inout Outcome,
        _ coverage: inout Coverage
    ) {
        if owner == people[index].user {
            guard isActive else {
                outcome.refusal = isEnded ? nil : .wrongState
                return
            }
            coverage.note(.connectedRaisesHand)
            people[index].handRaisedAt = isRaised ? people[index].handRaisedAt ?? now : nil
        } else if isRaised || !isGroup || !isActive || !people[index].mayHost {
            outcome.refusal = refused(.forbidden, .handOfAnother, &coverage)
        } else if let other = self.index(of: owner), people[other].status == .connected {
            coverage.note(.handLowered)
            people[other].handRaisedAt = nil
        }
    }

    // MARK: Offers

    mutating func note(
        _ signal: Signal, from sender: UserID, to recipient: UserID, _ now: Instant, _ coverage: inout Coverage
    ) {
        guard case .description(let description) = signal else { return }
        let answered = offers.contains { $0.from == recipient && $0.to == sender }
        switch description.kind {
        case .answer:
            if answered { coverage.note(.offerAnswered) }
            offers.removeAll { $0.from == recipient && $0.to == sender }
        case .offer, .rollback: offers.removeAll { $0.from == sender && $0.to == recipient }
        }
        if description.kind == .offer { offers.append(Offer(from: sender, to: recipient, since: now)) }
    }
}
