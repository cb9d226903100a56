public import Primitives

extension Call {
    /// Moves the call on by one input. What is due by `now` comes first, as a change of its own, with the time at which
    /// it was due: the input may ring somebody whom a deadline has just stopped ringing. So an answer after the
    /// deadline is late, however late the timer is.
    ///
    /// - Returns: The new state and all that follows from it. `self` stays as it is: the owner keeps it until the
    ///   changes are on disk.
    public func handle(_ input: CallInput, at now: Instant) -> CallStep {
        var turn = CallTurn(self, at: now)
        let wasOverdue = turn.carryOutDeadlines()
        if wasOverdue {
            if case .timePassed = input { return .done(turn.transition()) }
            return .due(turn.transition())
        }
        switch input {
        case .invite(let invitation): turn.invite(invitation)
        case .command(let command, from: let origin): turn.carryOut(command, from: origin)
        case .deviceLost(let user, let device): turn.deviceLost(CallOrigin(user: user, device: device))
        case .deviceReturned(let user, let device): turn.deviceReturned(CallOrigin(user: user, device: device))
        case .membershipEnded(let user): turn.membershipEnded(user)
        case .deviceLoggedOut(let user, let device): turn.loggedOut(CallOrigin(user: user, device: device))
        case .userLoggedOut(let user): turn.loggedOut(user)
        case .ringingFeigned(let user): turn.feignRinging(of: user)
        case .timePassed: break
        }
        return .done(turn.transition())
    }
}

/// One input being carried out on a call: the state so far, and the other effects of the input.
struct CallTurn {
    /// The call before the input.
    let before: Call
    /// The call so far.
    var call: Call
    /// The time of what is being carried out: a deadline's, then the input's.
    var now: Instant
    /// Who gave the command, when it is one: that device learns the outcome from its reply.
    var origin: CallOrigin?
    var refusal: CallRefusal?
    /// What is sent besides the events that follow from the change of state.
    var told: [CallDelivery] = []
    var closedShares: [(sharer: UserID, at: Instant, reason: Call.ShareEndReason)] = []
    var droppedSignals = 0

    init(_ call: Call, at now: Instant) {
        before = call
        self.call = call
        self.now = call.clamped(now)
    }

    mutating func carryOut(_ command: CallCommand, from origin: CallOrigin) {
        self.origin = origin
        if let request = command.request, call.hasCarriedOut(request, of: origin.user) { return }
        if case .join(_, let media, let isMember) = command {
            join(origin, media, isMember: isMember)
        } else if let participant = call.participant(origin.user), participant.maySeeCall {
            carryOut(command, by: participant, origin)
        } else if case .hangUp = command, call.joinRequest(of: origin.user) != nil {
            withdrawJoinRequest(of: origin)
        } else {
            refusal = .notFound
        }
        if let request = command.request, refusal == nil {
            call.carriedOut.insert(request, of: origin.user)
        }
    }

    private mutating func carryOut(_ command: CallCommand, by participant: Participant, _ origin: CallOrigin) {
        switch command {
        case .ringing(let wokenByPush): alert(participant, wokenByPush: wokenByPush)
        case .accept(_, let media): accept(participant, origin, media)
        case .decline(_, let isBusy, let reachable): decline(participant, origin, isBusy: isBusy, reachable)
        case .cancel: cancel(origin)
        case .hangUp(_, let mediaFailed): hangUp(participant, origin, mediaFailed: mediaFailed)
        case .move(_, let media): move(participant, origin, media)
        case .join, .fetch: break
        case .add(_, let callees): add(callees, by: participant, origin)
        case .setMedia(let media): change(participant, origin) { $0.media = media }
        case .hold(let isOnHold): change(participant, origin) { $0.isOnHold = isOnHold }
        case .raiseHand(let isRaised, of: let owner): raiseHand(isRaised, of: owner, by: participant, origin)
        case .signal(let signal, to: let recipient): pass(signal, from: origin, to: recipient)
        case .startScreenShare: startScreenShare(participant, origin)
        case .stopScreenShare: stopScreenShare(origin)
        case .control(_, let control): carryOut(control, by: participant, origin)
        }
    }

    /// A device rings. A callee who had to be woken is given extra time to look, once, but not forever.
    private mutating func alert(_ participant: Participant, wokenByPush: Bool) {
        guard case .ringing(var ringing) = participant.state, let rungAt = participant.rungAt else { return }
        ringing.isAlerted = true
        let timings = call.rules.timings
        let isExtended = ringing.until > rungAt + timings.ring
        if wokenByPush, !isExtended {
            ringing.until = max(ringing.until, min(now + timings.ringExtension, rungAt + timings.ringLimit))
            if case .initiated = call.phase { call.ringExpiresAt = max(call.ringExpiresAt, ringing.until) }
        }
        set(participant.user, .ringing(ringing))
    }

    /// The caller must not be able to tell a callee who hears nothing from one who does not answer.
    mutating func feignRinging(of user: UserID) {
        guard let participant = call.participant(user), participant.isHidden, var ringing = participant.ringing else {
            return
        }
        ringing.isAlerted = true
        set(user, .ringing(ringing))
    }

    private mutating func accept(_ participant: Participant, _ origin: CallOrigin, _ media: MediaState) {
        if call.isEnded {
            refusal = .callEnded
            return
        }
        switch participant.state {
        case .ringing: connect(origin, media)
        case .connected(let connection): refusal = connection.device == origin.device ? nil : .answeredElsewhere
        case .declined, .left: refusal = .wrongState
        }
    }

    /// Connects a participant to the call with this device.
    mutating func connect(_ origin: CallOrigin, _ media: MediaState) {
        set(origin.user, .connected(.init(joinedAt: now, device: origin.device, media: media)))
        if let index = call.index(of: origin.user) { call.participants[index].isHidden = false }
        if case .initiated = call.phase {
            call.phase = .ongoing(answeredAt: now)
            restoreGrace()
        }
        deliverMail(to: origin)
    }

    private mutating func decline(
        _ participant: Participant, _ origin: CallOrigin, isBusy: Bool, _ reachable: Set<DeviceID>
    ) {
        guard case .ringing = participant.state else { return }
        if isBusy {
            call.busyDevices.insert(origin)
            let others = reachable.filter { !call.busyDevices.contains(CallOrigin(user: origin.user, device: $0)) }
            guard others.isEmpty else { return }
        }
        set(origin.user, .declined(at: now, isBusy ? .busy : .declined))
        endIfNobodyIsRung()
    }

    private mutating func cancel(_ origin: CallOrigin) {
        guard origin.user == call.initiator else {
            refusal = .forbidden
            return
        }
        guard case .initiated = call.phase, isActive(origin) else { return }
        leave(origin.user, .hangup)
    }

    private mutating func hangUp(_ participant: Participant, _ origin: CallOrigin, mediaFailed: Bool) {
        switch participant.state {
        case .ringing:
            set(origin.user, .declined(at: now, .declined))
            endIfNobodyIsRung()
        case .connected(let connection):
            // A device from which the call was moved may still hang up: that ends nothing.
            if connection.device == origin.device { leave(origin.user, mediaFailed ? .iceFailed : .hangup) }
        // A user who has left may be asking to be admitted again.
        case .declined, .left: withdrawJoinRequest(of: origin)
        }
    }

    private mutating func move(_ participant: Participant, _ origin: CallOrigin, _ media: MediaState) {
        if call.isEnded {
            refusal = .callEnded
        } else if let connection = participant.connection {
            if connection.device != origin.device { move(to: origin, media) }
        } else {
            refusal = .wrongState
        }
    }

    /// Moves a participant's part to another device of the same user.
    mutating func move(to origin: CallOrigin, _ media: MediaState) {
        guard let connection = call.participant(origin.user)?.connection else { return }
        // The new device makes a new peer connection, so signals for the old one and its share are void.
        call.mailbox.forget(recipient: origin.user)
        call.negotiations.forget(origin.user)
        closeShare(of: origin.user, .stopped)
        var moved = Participant.Connection(joinedAt: connection.joinedAt, device: origin.device, media: media)
        moved.handRaisedAt = connection.handRaisedAt
        set(origin.user, .connected(moved))
    }

    /// Changes what a participant reports about itself.
    private mutating func change(
        _ participant: Participant, _ origin: CallOrigin, _ change: (inout Participant.Connection) -> Void
    ) {
        guard isActive(origin), var connection = participant.connection else {
            refusal = call.isEnded ? nil : .wrongState
            return
        }
        change(&connection)
        set(participant.user, .connected(connection))
    }

    private mutating func raiseHand(
        _ isRaised: Bool, of owner: UserID, by participant: Participant, _ origin: CallOrigin
    ) {
        if owner == participant.user {
            let now = now
            change(participant, origin) { $0.handRaisedAt = isRaised ? $0.handRaisedAt ?? now : nil }
        } else if isRaised || !mayControl(participant, origin) {
            refusal = .forbidden
        } else if var connection = call.participant(owner)?.connection {
            connection.handRaisedAt = nil
            set(owner, .connected(connection))
        }
    }

    /// Whether this device is the one that is in the call for its user.
    func isActive(_ origin: CallOrigin) -> Bool {
        call.participant(origin.user)?.connection?.device == origin.device
    }

    mutating func set(_ user: UserID, _ state: Participant.State) {
        guard let index = call.index(of: user) else { return }
        call.participants[index].state = state
        switch state {
        case .ringing, .connected: break
        // Users who come back negotiate again: signals for them and from them are void.
        case .declined, .left: call.mailbox.forget(user)
        }
    }

    /// The resulting transition.
    mutating func transition() -> CallTransition {
        passHostOn()
        var call = call
        let happenings = CallHappening.between(before, call, closedShares: closedShares)
        if !happenings.isEmpty { call.revision += 1 }
        let difference = CallDifference.following(happenings, since: before.revision)
        return CallTransition(
            call: call,
            happenings: happenings,
            changes: CallChange.following(happenings, in: call),
            difference: difference,
            deliveries: CallDelivery.following(happenings, in: call, difference, origin: origin) + told,
            refusal: refusal,
            droppedSignals: droppedSignals)
    }
}

extension Call {
    /// Whether a command, or the invite that placed the call, was already carried out. Users who may not see the call
    /// get no answers from before that.
    func hasCarriedOut(_ request: RequestID, of user: UserID) -> Bool {
        if let participant = participant(user), !participant.maySeeCall { return false }
        return user == initiator && request == clientCallID || carriedOut.contains(request, of: user)
    }
}

extension CallCommand {
    /// The client's own id of the command, for those that change something durable.
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

/// The latest commands that a call has carried out, so that a repeat is recognized and changes nothing.
struct CarriedOutCommands: Sendable, Equatable {
    private struct Entry: Sendable, Equatable {
        let user: UserID
        let request: RequestID
    }

    /// Clients repeat a command within seconds; this many is far more than needed, and a call stays small.
    static let limit = 256
    private var entries: [Entry] = []

    func contains(_ request: RequestID, of user: UserID) -> Bool {
        entries.contains(Entry(user: user, request: request))
    }

    mutating func insert(_ request: RequestID, of user: UserID) {
        if entries.count == Self.limit { entries.removeFirst() }
        entries.append(Entry(user: user, request: request))
    }
}
