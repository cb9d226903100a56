import Primitives
import SignalingCore

extension Reference {
    /// Advances the call by one input, as in the tables.
    mutating func handle(_ input: CallInput, at present: Instant, _ coverage: inout Coverage) -> Outcome {
        let now = moment(present)
        var outcome = Outcome()
        passTime(until: now, &outcome, &coverage)
        switch input {
        case .invite(let invitation):
            switch invitation.mode {
            case .direct: inviteAgain(invitation, now, &outcome, &coverage)
            case .group: joinInstead(invitation, now, &outcome, &coverage)
            }
        case .command(let command, from: let origin): carryOut(command, origin, now, &outcome, &coverage)
        case .deviceLost(let user, let device):
            lost(CallOrigin(user: user, device: device), now, &coverage)
        case .deviceReturned(let user, let device):
            returned(CallOrigin(user: user, device: device), now, &outcome, &coverage)
        case .ringingFeigned(let user):
            if let index = index(of: user), people[index].isHidden, people[index].status == .ringing {
                coverage.note(.hiddenSeemsToRing)
                people[index].isAlerted = true
            }
        case .membershipEnded(let user): membershipEnded(user, now, &outcome, &coverage)
        case .deviceLoggedOut(let user, let device):
            loggedOut(CallOrigin(user: user, device: device), now, &outcome, &coverage)
        case .userLoggedOut(let user): if !isEnded { expel(user, now, &outcome, &coverage) }
        case .timePassed: break
        }
        passHostOn(&coverage)
        return outcome
    }

    /// An invite between people who have this call already.
    private mutating func inviteAgain(
        _ invitation: Invitation, _ now: Instant, _ outcome: inout Outcome, _ coverage: inout Coverage
    ) {
        let origin = invitation.caller
        guard !isEnded else { return }
        guard let index = index(of: origin.user) else {
            outcome.refusal = .notFound
            return
        }
        let name = Name(user: origin.user, request: invitation.clientCallID)
        if name == Name(user: initiator, request: self.name) || done.contains(name) {
            coverage.note(.inviteRepeated)
            return
        }
        remember(name)
        if people[index].status == .ringing {
            coverage.note(.inviteGlare)
            connect(index, origin, invitation.media, now, &outcome, &coverage)
        } else if people[index].status == .connected, people[index].device != origin.device {
            coverage.note(.inviteMoves)
            move(index, origin, invitation.media, now, &outcome, &coverage)
        }
    }

    /// An invite of a member, where there is this group call already.
    private mutating func joinInstead(
        _ invitation: Invitation, _ now: Instant, _ outcome: inout Outcome, _ coverage: inout Coverage
    ) {
        let origin = invitation.caller
        let name = Name(user: origin.user, request: invitation.clientCallID)
        let mayRepeat = person(origin.user).map(\.maySee) ?? true
        let isRepeated = mayRepeat && (name == Name(user: initiator, request: self.name) || done.contains(name))
        carryOut(
            .join(invitation.clientCallID, invitation.media, isMember: true), origin, now, &outcome, &coverage)
        if !isRepeated { ringWhoHasNotAnswered(invitation.callees, origin, now, &outcome, &coverage) }
    }

    // MARK: Commands

    private mutating func carryOut(
        _ command: CallCommand, _ origin: CallOrigin, _ now: Instant, _ outcome: inout Outcome,
        _ coverage: inout Coverage
    ) {
        let name = command.request.map { Name(user: origin.user, request: $0) }
        let index = index(of: origin.user).flatMap { people[$0].maySee ? $0 : nil }
        let isNew = name.map { $0 != Name(user: initiator, request: self.name) && !done.contains($0) } ?? true
        if !isNew, index != nil || person(origin.user) == nil {
            coverage.note(.commandRepeated)
            return
        }
        if case .join(_, let media, let isMember) = command {
            join(origin, media, isMember: isMember, now, &outcome, &coverage)
        } else if let index {
            follow(command, index, origin, now, &outcome, &coverage)
        } else if case .hangUp = command, joinRequests.contains(where: { $0.origin.user == origin.user }) {
            withdraw(origin, &coverage)
        } else {
            let isHidden = person(origin.user).map(\.isHidden)
            let row: TableRow? = isHidden.map { $0 ? .commandOfAHidden : .commandOfOneSentOut }
            coverage.note(row ?? .commandOfAStranger)
            outcome.refusal = .notFound
        }
        if let name, outcome.refusal == nil { remember(name) }
    }

    private mutating func remember(_ name: Name) {
        done.append(name)
        if done.count > 256 { done.removeFirst() }
    }

    private mutating func follow(
        _ command: CallCommand, _ index: Int, _ origin: CallOrigin, _ now: Instant, _ outcome: inout Outcome,
        _ coverage: inout Coverage
    ) {
        let person = people[index]
        let isActive = person.status == .connected && person.device == origin.device
        switch command {
        case .fetch, .join: break
        case .ringing(let wokenByPush): if person.status == .ringing { alert(index, wokenByPush, now, &coverage) }
        case .accept(_, let media):
            switch person.status {
            case _ where isEnded: outcome.refusal = refused(.callEnded, .endedAccept, &coverage)
            case .ringing:
                coverage.note(.ringingAccepts)
                connect(index, origin, media, now, &outcome, &coverage)
            case .connected where isActive: break
            case .connected: outcome.refusal = refused(.answeredElsewhere, .connectedAcceptsElsewhere, &coverage)
            case .declined, .left: outcome.refusal = .wrongState
            }
        case .decline(_, let isBusy, let reachable):
            if isEnded { return coverage.note(.endedHangUp) }
            if person.status == .connected { return coverage.note(.connectedDeclinesLate) }
            guard person.status == .ringing else { return }
            if isBusy, !isBusyEverywhere(index, origin.device, reachable) { return coverage.note(.ringingBusyOnSome) }
            coverage.note(isBusy ? .ringingBusyOnAll : .ringingDeclines)
            if status == .ongoing { coverage.note(.ongoingAddedStopsRinging) }
            stop(index, .declined, isBusy ? .busy : .declined, at: now)
            endIfNobodyRings(at: now, &outcome, &coverage)
        case .cancel:
            guard origin.user == initiator else {
                outcome.refusal = .forbidden
                return
            }
            if isEnded { return coverage.note(.endedHangUp) }
            if status == .initiated, isActive { leave(index, .hangup, at: now, &outcome, &coverage) }
        case .hangUp(_, let mediaFailed):
            if isEnded { return coverage.note(.endedHangUp) }
            hangUp(index, origin, mediaFailed, now, &outcome, &coverage)
        case .move(_, let media):
            if isEnded {
                outcome.refusal = refused(.callEnded, .endedAccept, &coverage)
            } else if person.status != .connected {
                outcome.refusal = .wrongState
            } else if !isActive {
                coverage.note(.connectedMoves)
                move(index, origin, media, now, &outcome, &coverage)
            }
        case .setMedia(let media):
            if isActive { coverage.note(.connectedSaysMedia) } else if !isEnded { outcome.refusal = .wrongState }
            if isActive { people[index].media = media }
        case .hold(let isOnHold):
            if isActive { coverage.note(.connectedHolds) } else if !isEnded { outcome.refusal = .wrongState }
            if isActive { people[index].isOnHold = isOnHold }
        case .raiseHand(let isRaised, of: let owner):
            raiseHand(isRaised, owner, index, isActive, now, &outcome, &coverage)
        case .add(_, let callees): add(callees, index, isActive, now, &outcome, &coverage)
        case .control(_, let control): carryOut(control, index, isActive, now, &outcome, &coverage)
        case .signal(let signal, to: let recipient):
            pass(signal, isActive, origin, recipient, now, &outcome, &coverage)
        case .startScreenShare: startShare(isActive, origin.user, now, &outcome, &coverage)
        case .stopScreenShare: if isActive { close(origin.user, .stopped, at: now, &outcome, &coverage) }
        }
    }

    func refused(_ refusal: CallRefusal, _ row: TableRow, _ coverage: inout Coverage) -> CallRefusal {
        coverage.note(row)
        return refusal
    }

    private mutating func isBusyEverywhere(_ index: Int, _ device: DeviceID, _ reachable: Set<DeviceID>) -> Bool {
        people[index].busy.append(device)
        return reachable.allSatisfy { people[index].busy.contains($0) }
    }

    mutating func withdraw(_ origin: CallOrigin, _ coverage: inout Coverage) {
        guard let index = joinRequests.firstIndex(where: { $0.origin == origin }) else { return }
        coverage.note(self.index(of: origin.user) == nil ? .joinRequestWithdrawn : .joinRequestOfAFormerWithdrawn)
        joinRequests.remove(at: index)
    }

    private mutating func hangUp(
        _ index: Int, _ origin: CallOrigin, _ mediaFailed: Bool, _ now: Instant, _ outcome: inout Outcome,
        _ coverage: inout Coverage
    ) {
        switch people[index].status {
        case .ringing:
            coverage.note(.ringingDeclines)
            stop(index, .declined, .declined, at: now)
            endIfNobodyRings(at: now, &outcome, &coverage)
        case .connected where people[index].device == origin.device:
            coverage.note(mediaFailed ? .connectedMediaFails : .connectedHangsUp)
            leave(index, mediaFailed ? .iceFailed : .hangup, at: now, &outcome, &coverage)
        case .connected: coverage.note(.connectedHangsUpElsewhere)
        case .declined, .left: withdraw(origin, &coverage)
        }
    }

    mutating func connect(
        _ index: Int, _ origin: CallOrigin, _ media: MediaState, _ now: Instant, _ outcome: inout Outcome,
        _ coverage: inout Coverage
    ) {
        lastCame = now
        people[index].isHidden = false
        people[index].leftAt = nil
        people[index].reason = nil
        people[index].media = media
        people[index].isOnHold = false
        people[index].handRaisedAt = nil
        joinRequests.removeAll { $0.origin.user == origin.user }
        people[index].status = .connected
        people[index].device = origin.device
        people[index].joinedAt = now
        people[index].ringsUntil = nil
        people[index].absence = .here
        if status == .initiated {
            coverage.note(.initiatedAccepted)
            status = .ongoing
            answeredAt = now
            for other in people.indices {
                guard case .lost(let until) = people[other].absence else { continue }
                coverage.note(.connectedLostIsAnswered)
                people[other].absence = .lost(until: max(until, now + timings.reconnect))
            }
        }
        handOver(to: origin, .signalsHandedOverAtAccept, now, &outcome, &coverage)
    }

    private mutating func move(
        _ index: Int, _ origin: CallOrigin, _ media: MediaState, _ now: Instant, _ outcome: inout Outcome,
        _ coverage: inout Coverage
    ) {
        people[index].media = media
        people[index].isOnHold = false
        offers.removeAll { $0.from == origin.user || $0.to == origin.user }
        outcome.moved = people[index].device.map { CallOrigin(user: origin.user, device: $0) }
        close(origin.user, .stopped, isMoved: true, at: now, &outcome, &coverage)
        people[index].device = origin.device
        people[index].absence = .here
        mailbox.forget(recipient: origin.user)
    }

    private mutating func startShare(
        _ isActive: Bool, _ user: UserID, _ now: Instant, _ outcome: inout Outcome, _ coverage: inout Coverage
    ) {
        if isEnded {
            outcome.refusal = refused(.callEnded, .endedAccept, &coverage)
        } else if status != .ongoing || !isActive {
            outcome.refusal = refused(.wrongState, .shareRefused, &coverage)
        } else if !shares.contains(where: { $0.sharer == user }) {
            switch rules.screenSharing {
            case .takeOver: for share in shares { close(share.sharer, .replaced, at: now, &outcome, &coverage) }
            case .refuse where !shares.isEmpty:
                outcome.refusal = refused(.screenTaken, .shareTaken, &coverage)
                return
            case .multiple where !shares.isEmpty: coverage.note(.shareBeside)
            case .refuse, .multiple: break
            }
            coverage.note(.shareStarts)
            shares.append(Share(sharer: user, startedAt: now))
        }
    }

    // MARK: Devices

    private mutating func lost(_ origin: CallOrigin, _ now: Instant, _ coverage: inout Coverage) {
        if joinRequests.contains(where: { $0.origin == origin }) { coverage.note(.joinRequestDeviceLost) }
        joinRequests.removeAll { $0.origin == origin }
        guard let index = index(of: origin.user) else { return }
        if people[index].status == .ringing { coverage.note(.initiatedCalleeLost) }
        guard people[index].status == .connected, people[index].device == origin.device,
            people[index].absence == .here
        else { return }
        offers.removeAll { $0.from == origin.user || $0.to == origin.user }
        people[index].absence = .lost(until: now + (status == .ongoing ? timings.reconnect : timings.callerLost))
    }

    private mutating func returned(
        _ origin: CallOrigin, _ now: Instant, _ outcome: inout Outcome, _ coverage: inout Coverage
    ) {
        guard let index = index(of: origin.user), !people[index].isHidden else { return }
        switch people[index].status {
        case .ringing:
            coverage.note(.ringingDeviceReturns)
            outcome.rings = origin
        case .connected where people[index].device == origin.device:
            switch people[index].absence {
            case .here: break
            case .lost: coverage.note(.connectedResumes)
            case .awaited: coverage.note(.ongoingRestartedAndResumed)
            }
            people[index].absence = .here
            handOver(to: origin, .signalsHandedOverAtReturn, now, &outcome, &coverage)
        case .connected, .declined, .left: break
        }
    }

    // MARK: Signals

    private mutating func pass(
        _ signal: Signal, _ isActive: Bool, _ origin: CallOrigin, _ recipient: UserID, _ now: Instant,
        _ outcome: inout Outcome, _ coverage: inout Coverage
    ) {
        if isEnded {
            coverage.note(.endedSignal)
            outcome.droppedSignals += 1
            return
        }
        guard isActive, recipient != origin.user, let other = person(recipient) else {
            coverage.note(.signalRefused)
            outcome.refusal = isActive ? .forbidden : .wrongState
            return
        }
        guard mailbox.take(note: signal.origin, of: origin.user, to: recipient) else {
            coverage.note(.signalOutdated)
            outcome.droppedSignals += 1
            return
        }
        switch other.status {
        case .connected where other.absence == .here:
            coverage.note(.signalPassed)
            note(signal, from: origin.user, to: recipient, now, &coverage)
            outcome.signals.append(
                .init(recipient: recipient, device: other.device, sender: origin.user, signal: signal))
        case .connected, .ringing:
            if mailbox.put(signal, from: origin.user, to: recipient) {
                coverage.note(other.status == .ringing ? .signalKeptForRinging : .signalKeptForLost)
            } else {
                coverage.note(.mailboxFull)
                outcome.refusal = .mailboxFull
            }
        case .declined, .left: outcome.droppedSignals += 1
        }
    }

    private mutating func handOver(
        to origin: CallOrigin, _ row: TableRow, _ now: Instant, _ outcome: inout Outcome,
        _ coverage: inout Coverage
    ) {
        let kept = mailbox.handOver(to: origin)
        for letter in kept { note(letter.signal, from: letter.sender, to: origin.user, now, &coverage) }
        if !kept.isEmpty { coverage.note(row) }
        outcome.signals += kept
    }
}

extension CallCommand {
    /// The client's own id of the command, if it has one.
    var request: RequestID? {
        switch self {
        case .accept(let request, _), .decline(let request, _, _), .cancel(let request), .hangUp(let request, _),
            .move(let request, _), .join(let request, _, _), .add(let request, _), .startScreenShare(let request),
            .stopScreenShare(let request), .control(let request, _):
            request
        case .ringing, .fetch, .setMedia, .hold, .raiseHand, .signal: nil
        }
    }
}
