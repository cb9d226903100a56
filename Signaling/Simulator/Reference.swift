import Primitives
import SignalingCore

/// A call as the design's tables define it, written from them and not from the core: the oracle with which the core is
/// compared after each step. It knows statuses, reasons, times and devices; it has no rows and no events.
struct Reference {
    enum Status {
        case initiated
        case ongoing
        case completed
        case missed
    }

    struct Person {
        enum Status {
            case ringing
            case connected
            case declined
            case left
        }

        enum Absence: Equatable {
            case here
            case lost(until: Instant)
            case awaited(until: Instant)
        }

        let user: UserID
        var status: Status
        var role = Participant.Role.participant
        var rungAt: Instant?
        var isHidden = false
        var standing = Participant.Standing.member
        var ringsUntil: Instant?
        /// Whether a device has said that it rings, or seems to have.
        var isAlerted = false
        var device: DeviceID?
        var joinedAt: Instant?
        var leftAt: Instant?
        var reason: Participant.LeaveReason?
        var absence = Absence.here
        /// Devices that have said that they are busy.
        var busy: [DeviceID] = []
        var media = MediaState()
        var isOnHold = false
        var handRaisedAt: Instant?

        var isBarred: Bool { status == .left && reason == .kicked }
        var isPresent: Bool { status == .connected || status == .ringing }
        var mayHost: Bool { role != .participant }

        /// Whether the call is shown to the user: not to users who are hidden, barred or former members.
        var maySee: Bool { !isHidden && !isBarred && standing != .former }
    }

    /// Somebody who asks to be admitted.
    struct LobbyRequest: Equatable {
        let origin: CallOrigin
        var media: MediaState
    }

    /// An offer that is not answered yet.
    struct Offer: Equatable {
        let from: UserID
        let to: UserID
        let since: Instant
    }

    struct Share: Equatable {
        let sharer: UserID
        let startedAt: Instant
    }

    struct Closing: Equatable {
        let sharer: UserID
        let at: Instant
        let reason: Call.ShareEndReason
    }

    struct Name: Equatable {
        let user: UserID
        let request: RequestID
    }

    let rules: CallRules
    let initiator: UserID
    /// The caller's own id for the call.
    let name: RequestID
    let startedAt: Instant
    var status = Status.initiated
    var answeredAt: Instant?
    var endedAt: Instant?
    var endReason: Call.EndReason?
    /// The caller first.
    var people: [Person]
    var shares: [Share] = []
    /// The commands that were carried out since the server started.
    var done: [Name] = []
    var mailbox = ReferenceMailbox()
    var isGroup: Bool
    var isLocked = false
    /// In the order in which they asked.
    var joinRequests: [LobbyRequest] = []
    /// The oldest first.
    var offers: [Offer] = []
    var ringsUntil: Instant
    /// When somebody last joined, left or declined the call.
    var lastCame: Instant
    /// When somebody who was in the call last left.
    var lastWent: Instant
    /// When the previous server was last alive.
    var serverLastSeen: Instant?
    /// How far the clock that wrote the call is ahead of its owner's.
    var lead = Instant.Span.milliseconds(0)

    var timings: CallTimings { rules.timings }

    /// The expected effects of an input, besides the new state.
    struct Outcome {
        var refusal: CallRefusal?
        /// Signals that go to devices, in this order.
        var signals: [ReferenceMailbox.Handover] = []
        var closings: [Closing] = []
        var droppedSignals = 0
        /// The device that is told that the call was moved away from it.
        var moved: CallOrigin?
        /// The device that is told to ring.
        var rings: CallOrigin?
        /// What else single devices are told, in this order.
        var notices: [CallDelivery] = []
        /// Users who were not told of the call so far, and ring from now on.
        var welcomed: [UserID] = []
    }

    init(_ invitation: Invitation, rules: CallRules, at now: Instant, _ coverage: inout Coverage) {
        self.rules = rules
        let caller = invitation.caller
        initiator = caller.user
        name = invitation.clientCallID
        isGroup = invitation.mode == .group
        startedAt = now
        lastCame = now
        lastWent = now
        ringsUntil = now + rules.timings.ring
        var first = Person(user: caller.user, status: .connected)
        first.role = .host
        first.device = caller.device
        first.joinedAt = now
        first.media = invitation.media
        people = [first]
        coverage.note(isGroup ? .inviteGroup : .invite)
        var outcome = Outcome()
        for callee in invitation.callees { ring(callee, at: now, &outcome, &coverage) }
        if !people.contains(where: { $0.status == .ringing }) {
            coverage.note(.inviteBusy)
            end(.busy, at: now, &outcome, &coverage)
        }
    }

    var isEnded: Bool { endedAt != nil }

    func person(_ user: UserID) -> Person? {
        people.first { $0.user == user }
    }

    func index(of user: UserID) -> Int? {
        people.firstIndex { $0.user == user }
    }

    /// The call as the next server finds it: nobody is connected yet, and what was only in memory is lost.
    mutating func restart(at now: Instant, lastSeen: Instant, _ coverage: inout Coverage) {
        forgetMemory()
        lead = max(.milliseconds(0), latestMoment - now)
        let present = moment(now)
        serverLastSeen = min(lastSeen, present)
        for index in people.indices {
            let isConnected = people[index].status == .connected
            people[index].absence = isConnected ? .awaited(until: present + timings.recovery) : .here
            if let until = people[index].ringsUntil {
                people[index].ringsUntil = min(until, (people[index].rungAt ?? startedAt) + timings.longestRing)
            }
        }
        if status == .initiated {
            let isLate = !people.contains { $0.ringsUntil.map { $0 > present } ?? false }
            coverage.note(isLate ? .initiatedRestartedLate : .initiatedRestartedInTime)
        }
    }

    // MARK: Time

    private enum Due {
        case ring(Int)
        case absence(Int)
        case offer(Offer)
        case alone
        case empty
        case maxDuration
    }

    /// When something next happens by itself, by the owner's clock.
    var nextDeadline: Instant? { firstDue(by: Instant(microseconds: .max)).map { $0.0 - lead } }

    /// The owner's time as the call sees it: the call continues by the clock that wrote it.
    func moment(_ now: Instant) -> Instant { max(now + lead, latestMoment) }

    /// Whether something is due.
    func isOverdue(at now: Instant) -> Bool { firstDue(by: moment(now)) != nil }

    /// The first thing that is due, if it is due by now.
    private func firstDue(by now: Instant) -> (Instant, Due)? {
        var first: (Instant, Due)?
        func consider(_ at: Instant, _ due: Due) {
            guard at <= now else { return }
            if let known = first, known.0 <= at { return }
            first = (at, due)
        }
        guard !isEnded else { return nil }
        if let answeredAt { consider(answeredAt + timings.maxDuration, .maxDuration) }
        if isGroup, status == .ongoing {
            let connected = people.count { $0.status == .connected }
            if connected == 0 { consider(lastWent + timings.empty, .empty) }
            if connected == 1, !people.contains(where: { $0.status == .ringing }) {
                consider(lastCame + timings.alone, .alone)
            }
        }
        if let offer = offers.first { consider(offer.since + timings.negotiation, .offer(offer)) }
        for (index, person) in people.enumerated() {
            switch person.status {
            case .ringing: consider(person.ringsUntil ?? now, .ring(index))
            case .connected:
                switch person.absence {
                case .here: break
                case .lost(let until), .awaited(let until): consider(until, .absence(index))
                }
            case .declined, .left: break
            }
        }
        return first
    }

    /// Carries out what is due, each deadline at its own time.
    mutating func passTime(until now: Instant, _ outcome: inout Outcome, _ coverage: inout Coverage) {
        while let (at, due) = firstDue(by: now) {
            switch due {
            case .ring(let index):
                coverage.note(status == .ongoing ? .ongoingAddedStopsRinging : .ringingTimesOut)
                stop(index, .left, .noAnswer, at: at)
                endIfNobodyRings(at: at, &outcome, &coverage)
            case .absence(let index):
                let isAwaited = if case .awaited = people[index].absence { true } else { false }
                if isAwaited, status == .ongoing, !hasSomebodyResumed {
                    coverage.note(.ongoingRestartedInVain)
                    end(.serverRestart, at: lastSeen, &outcome, &coverage)
                } else {
                    coverage.note(.connectedGraceRunsOut)
                    leave(index, .disconnected, at: at, &outcome, &coverage)
                }
            case .offer(let offer):
                coverage.note(.offerUnanswered)
                offers.removeFirst()
                guard let device = person(offer.from)?.device else { continue }
                outcome.notices.append(.init(to: .device(offer.from, device), .offerUnanswered(by: offer.to)))
            case .alone:
                coverage.note(.ongoingAlone)
                end(.alone, at: at, &outcome, &coverage)
            case .empty:
                coverage.note(.ongoingEmpty)
                end(.empty, at: at, &outcome, &coverage)
            case .maxDuration:
                coverage.note(.ongoingMaxDuration)
                end(.maxDuration, at: at, &outcome, &coverage)
            }
        }
    }

    private var hasSomebodyResumed: Bool {
        people.contains { person in
            guard person.status == .connected else { return false }
            return if case .awaited = person.absence { false } else { true }
        }
    }

    /// The latest time that is on disk, or at which the previous server was alive.
    private var lastSeen: Instant { max(latestMoment, serverLastSeen ?? startedAt) }

    /// The latest time that is on disk.
    private var latestMoment: Instant {
        var last = max(startedAt, answeredAt ?? startedAt)
        for person in people {
            let moment =
                switch person.status {
                case .ringing: person.rungAt
                case .connected: person.joinedAt
                case .declined, .left: person.leftAt
                }
            last = max(last, moment ?? last)
        }
        for share in shares { last = max(last, share.startedAt) }
        return last
    }

    // MARK: Leaving and ending

    mutating func stop(_ index: Int, _ status: Person.Status, _ reason: Participant.LeaveReason, at now: Instant) {
        if people[index].status == .connected { lastWent = now } else { people[index].joinedAt = nil }
        lastCame = max(lastCame, now)
        mailbox.forget(people[index].user)
        offers.removeAll { $0.from == people[index].user || $0.to == people[index].user }
        people[index].status = status
        people[index].reason = reason
        people[index].leftAt = now
        people[index].device = nil
        people[index].ringsUntil = nil
        people[index].absence = .here
    }

    /// The table's row for a participant who stops ringing: the last one ends the call.
    mutating func endIfNobodyRings(at now: Instant, _ outcome: inout Outcome, _ coverage: inout Coverage) {
        guard status == .initiated else { return }
        guard !people.contains(where: { $0.status == .ringing }) else { return coverage.note(.initiatedDeclinedBySome) }
        let reasons = people.dropFirst().map(\.reason)
        if reasons.allSatisfy({ $0 == .declined }) {
            coverage.note(.initiatedDeclinedByAll)
            end(.declined, at: now, &outcome, &coverage)
        } else if reasons.allSatisfy({ $0 == .busy }) {
            coverage.note(.initiatedBusyForAll)
            end(.busy, at: now, &outcome, &coverage)
        } else {
            coverage.note(.initiatedNotAnswered)
            end(.noAnswer, at: now, &outcome, &coverage)
        }
    }

    mutating func leave(
        _ index: Int, _ reason: Participant.LeaveReason, at now: Instant, _ outcome: inout Outcome,
        _ coverage: inout Coverage
    ) {
        let sharing: Call.ShareEndReason =
            switch reason {
            case .disconnected: .disconnected
            case .kicked, .removed: .kicked
            default: .left
            }
        close(people[index].user, sharing, at: now, &outcome, &coverage)
        stop(index, .left, reason, at: now)
        if isGroup, status == .ongoing { return coverage.note(.ongoingLeft) }
        let (row, ending): (TableRow, Call.EndReason) =
            switch (status, reason) {
            case (.initiated, .disconnected): (.initiatedCallerLost, .callerDisconnected)
            case (.initiated, _): (.initiatedCancelled, .cancelled)
            case (_, .disconnected): (.ongoingDisconnected, .disconnected)
            case (_, .iceFailed): (.ongoingMediaFailed, .iceFailed)
            default: (.ongoingHungUp, .hangup)
            }
        coverage.note(row)
        end(ending, at: now, &outcome, &coverage)
    }

    mutating func end(
        _ reason: Call.EndReason, at now: Instant, _ outcome: inout Outcome, _ coverage: inout Coverage
    ) {
        status = answeredAt == nil ? .missed : .completed
        endedAt = now
        endReason = reason
        let sharing: Call.ShareEndReason = reason == .serverRestart ? .serverRestart : .callEnded
        for share in shares { close(share.sharer, sharing, at: now, &outcome, &coverage) }
        for (index, person) in people.enumerated() {
            switch person.status {
            case .ringing:
                coverage.note(reason == .cancelled ? .ringingCancelled : .ringingCallEnds)
                stop(index, .left, reason == .cancelled ? .cancelled : .callEnded, at: now)
            case .connected:
                coverage.note(.connectedCallEnds)
                stop(index, .left, reason == .serverRestart ? .disconnected : .callEnded, at: now)
            case .declined, .left: break
            }
        }
        for joinRequest in joinRequests {
            coverage.note(.joinRequestCallEnds)
            outcome.notices.append(.init(to: .device(joinRequest.origin.user, joinRequest.origin.device), .updated))
        }
        joinRequests = []
        offers = []
        mailbox = ReferenceMailbox()
    }

    mutating func close(
        _ sharer: UserID, _ reason: Call.ShareEndReason, isMoved: Bool = false, at now: Instant,
        _ outcome: inout Outcome, _ coverage: inout Coverage
    ) {
        guard let index = shares.firstIndex(where: { $0.sharer == sharer }) else { return }
        let row: TableRow =
            switch reason {
            case .stopped: isMoved ? .shareMoved : .shareStopped
            case .left: .shareLeft
            case .kicked: .shareKicked
            case .disconnected: .shareDisconnected
            case .replaced: .shareReplaced
            case .callEnded: .shareCallEnded
            case .serverRestart: .shareServerRestarted
            }
        coverage.note(row)
        shares.remove(at: index)
        outcome.closings.append(Closing(sharer: sharer, at: now, reason: reason))
    }
}
