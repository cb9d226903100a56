import Primitives
import SignalingCore

/// The invariants of every schedule.
enum Check: CaseIterable {
    case followsTables
    case answersAsTables
    case signalsAsTables
    case sharesAsTables
    case endedCallIsInert
    case openCallHasDeadline
    case timesInOrder
    case databaseAccepts
    case rowsAreTheCall
    case rowsAreAsModelled
    case revisionsNeverGoBack
    case nothingIsSentBeforeItIsDurable
    case everybodyIsNotified
    case updatesNeverGoBack
    case changesFit
    case changesGiveTheCall
    case ringsWhereItShould
    case signalsReachActiveDevices
    case clientsKnowTheCall
    case noticesAsTables
    case hiddenHearNothing
    case welcomeRingsAreHeard
    case onlyThoseWhoBelong
    case oneHost
    case nobodyJoinsUninvited
    case limitsHold
    case everyCallEnds
    case settles

    // The owner of calls.
    case changesOnlyOwnedCalls
    case nothingHappensBeforeItIsStored
    case answersFirst
    case everyCommandIsAnswered
    case inputsWaitTheirTurn
    case retriesSoon
    case wakesWhenItIsTime
    case writesOnlyByItsLease
    case oneOwner
    case openCallsAreKnown
    case everybodyHasAName
    case devicesAreKnown
    case hiddenSeemToRing

    /// The check as readers know it.
    var title: String {
        switch self {
        case .followsTables: "the call is what the tables say"
        case .answersAsTables: "a command is answered as the tables say"
        case .signalsAsTables: "signals go where and when the tables say"
        case .sharesAsTables: "screen shares end when and why the tables say"
        case .endedCallIsInert: "an ended call has nobody in it, nobody rung, no deadline, no share"
        case .openCallHasDeadline: "an open call has a deadline"
        case .timesInOrder: "started ≤ answered ≤ ended, joined ≤ left"
        case .databaseAccepts: "the database takes every change"
        case .rowsAreTheCall: "the rows are the call, before and after a restart"
        case .rowsAreAsModelled: "the statements of the server write, refuse and read what the model does"
        case .revisionsNeverGoBack: "after a restart revisions are beyond all that were told"
        case .nothingIsSentBeforeItIsDurable: "nobody is told what is not on disk"
        case .everybodyIsNotified: "every connected device is told every change, at once or, when it only shows, soon"
        case .updatesNeverGoBack: "no device is told what is older than what it knows"
        case .changesFit: "what has changed is told to those who know the call as it was before"
        case .changesGiveTheCall: "what devices were told of changes gives the same call as the whole would"
        case .ringsWhereItShould: "devices ring while, and only while, their user is rung"
        case .signalsReachActiveDevices: "signals reach only active devices of the same call"
        case .clientsKnowTheCall: "what clients were told gives the state of the call"
        case .noticesAsTables: "single devices are told what the tables say"
        case .hiddenHearNothing: "somebody who must not hear of a call hears nothing"
        case .welcomeRingsAreHeard: "a ring of somebody who is welcome is heard"
        case .onlyThoseWhoBelong: "in a call are members of its conversation, and guests who were rung"
        case .oneHost: "a group call has one host while somebody is in it"
        case .nobodyJoinsUninvited: "locks and bars keep out whom they should"
        case .limitsHold: "there are not more people than there may be"
        case .everyCallEnds: "every call ends by its deadlines"
        case .settles: "everything comes to rest"
        case .changesOnlyOwnedCalls: "each step of a call begins where the last one that took effect ended"
        case .nothingHappensBeforeItIsStored:
            "nothing takes effect, is answered or told before it is said to be stored"
        case .answersFirst: "a command is answered before events tell of it"
        case .everyCommandIsAnswered: "every command is answered, once"
        case .inputsWaitTheirTurn: "inputs are taken up in their order, one commit at a time, and none is forgotten"
        case .retriesSoon: "what could not be written is tried again, and not too soon"
        case .wakesWhenItIsTime: "a timer is armed whenever something is due"
        case .writesOnlyByItsLease: "without a lease nothing is written, and no command is done"
        case .oneOwner: "one node at a time owns a call, and no other can write it"
        case .openCallsAreKnown: "it is known which calls are open, and who is in them"
        case .devicesAreKnown: "a call knows which of its devices have a socket"
        case .hiddenSeemToRing: "somebody who must not hear of a call seems to ring, once a device would"
        case .everybodyHasAName: "with a call go the profiles of its people"
        }
    }
}

/// A broken invariant.
struct Violation {
    let check: Check
    let detail: String
}

extension World {
    // MARK: After each input

    func check(
        _ transition: CallTransition, from before: Call, _ reference: Reference, _ outcome: Reference.Outcome
    ) {
        let call = transition.call
        if let difference = reference.difference(from: call) {
            fail(.followsTables, "\(difference): \(Describe.call(call)), and not \(Describe.reference(reference))")
        }
        if transition.refusal != outcome.refusal {
            fail(
                .answersAsTables,
                "\(Describe.refusal(transition.refusal)), and not \(Describe.refusal(outcome.refusal))")
        }
        checkSignals(transition, outcome)
        checkClosings(transition, outcome)
        checkNotices(transition, outcome)
        checkHidden(transition, from: before)
        checkWelcomed(transition, outcome)
        checkComingIn(transition, from: before)
        checkDeliveries(transition, from: before, outcome)
        checkShape(call)
        if call.revision < before.revision { fail(.everybodyIsNotified, "the revision went back") }
        if random.isOne(in: 16) { checkEnds(call) }
    }

    func checkPlaced(_ transition: CallTransition, _ reference: Reference) {
        if let difference = reference.difference(from: transition.call) {
            fail(.followsTables, "\(difference): \(Describe.call(transition.call))")
        }
        checkShape(transition.call)
        checkEnds(transition.call)
    }

    func checkAdopted(_ call: Call, _ reference: Reference) {
        if let difference = reference.difference(from: call) {
            fail(.rowsAreTheCall, "\(difference) after a restart: \(Describe.call(call))")
        }
        if call.nextDeadline == nil { fail(.openCallHasDeadline, "adopted: \(Describe.call(call))") }
    }

    private func checkSignals(_ transition: CallTransition, _ outcome: Reference.Outcome) {
        var expected = outcome.signals[...]
        for delivery in transition.deliveries {
            guard case .signal(let signal, from: let sender) = delivery.event else { continue }
            guard case .device(let recipient, let device) = delivery.address,
                transition.call.participant(recipient)?.connection?.device == device
            else { return fail(.signalsReachActiveDevices, "a signal goes to \(delivery.address)") }
            let handover = ReferenceMailbox.Handover(
                recipient: recipient, device: device, sender: sender, signal: signal)
            guard expected.popFirst() == handover else {
                return fail(.signalsAsTables, "a signal to \(Describe.user(recipient)) that was not to be")
            }
        }
        if !expected.isEmpty { fail(.signalsAsTables, "\(expected.count) signals are missing") }
        if transition.droppedSignals != outcome.droppedSignals {
            fail(.signalsAsTables, "\(transition.droppedSignals) dropped, and not \(outcome.droppedSignals)")
        }
    }

    private func checkClosings(_ transition: CallTransition, _ outcome: Reference.Outcome) {
        var expected = outcome.closings
        for change in transition.changes {
            guard case .closeShare(let sharer, let at, let reason) = change else { continue }
            let closing = Reference.Closing(sharer: sharer, at: at, reason: reason)
            guard let index = expected.firstIndex(of: closing) else {
                return fail(.sharesAsTables, "the share of \(Describe.user(sharer)) ends as \(reason)")
            }
            expected.remove(at: index)
        }
        if !expected.isEmpty { fail(.sharesAsTables, "a share does not end") }
    }

    /// Rings and their ends, and the device from which the call was moved. `checkTold` checks who is told of the rest.
    private func checkDeliveries(_ transition: CallTransition, from before: Call, _ outcome: Reference.Outcome) {
        var stillRinging = before.participants.filter { old in
            guard old.isRinging, !old.isHidden else { return false }
            // The next ring is a different one.
            return transition.call.participant(old.user).map { !$0.isRinging || $0.rungAt != old.rungAt } ?? true
        }
        var isMovedTold = outcome.moved == nil
        var isRung = outcome.rings == nil
        for delivery in transition.deliveries {
            switch delivery.event {
            case .ringStopped(let reason):
                guard let after = transition.call.participant(delivery.address.user),
                    before.participant(after.user)?.isRinging ?? false
                else { return fail(.ringsWhereItShould, "a ring is stopped that was none") }
                stillRinging.removeAll { $0.user == after.user }
                let expected = RingStopReason(of: transition.call, for: after)
                if reason != expected { fail(.ringsWhereItShould, "the ring stops as \(reason), and not \(expected)") }
            case .moved:
                guard let moved = outcome.moved, delivery.address == .device(moved.user, moved.device) else {
                    return fail(.everybodyIsNotified, "a device is told that it was moved away from, and was not")
                }
                isMovedTold = true
            case .incoming:
                if let rings = outcome.rings, delivery.address == .device(rings.user, rings.device) {
                    isRung = true
                    continue
                }
                let user = delivery.address.user
                guard transition.call.participant(user)?.isRinging ?? false,
                    !(before.participant(user).map { $0.isRinging && !$0.isHidden } ?? false)
                else { return fail(.ringsWhereItShould, "a device is told to ring, and is not to") }
            case .gone: fail(.hiddenHearNothing, "a change tells somebody that the call is gone")
            case .updated, .changed, .signal, .offerUnanswered, .mediaStopped, .joinDenied: break
            }
        }
        if !stillRinging.isEmpty { fail(.ringsWhereItShould, "nobody is told to stop ringing") }
        if !isMovedTold, !transition.call.isEnded {
            fail(.everybodyIsNotified, "the old device is not told of the move")
        }
        if !isRung { fail(.ringsWhereItShould, "a device of a rung user came and is not told to ring") }
    }

    private func checkShape(_ call: Call) {
        checkHost(call)
        let deadline = call.nextDeadline
        if call.isEnded {
            if call.participants.contains(where: { $0.isRinging || $0.connection != nil }) {
                fail(.endedCallIsInert, "somebody is in an ended call: \(Describe.call(call))")
            }
            if deadline != nil { fail(.endedCallIsInert, "an ended call has a deadline") }
            if !call.screenShares.isEmpty { fail(.endedCallIsInert, "an ended call has an open share") }
        } else {
            guard let deadline else { return fail(.openCallHasDeadline, "\(Describe.call(call))") }
            if deadline <= clock { fail(.openCallHasDeadline, "a deadline was passed over: \(Describe.call(call))") }
        }
        if let answeredAt = call.answeredAt, answeredAt < call.startedAt {
            fail(.timesInOrder, "answered before started")
        }
        if let endedAt = call.endedAt, endedAt < call.answeredAt ?? call.startedAt {
            fail(.timesInOrder, "ended before it was answered or started")
        }
        for participant in call.participants {
            switch participant.state {
            case .left(let joinedAt?, let at, _): if at < joinedAt { fail(.timesInOrder, "left before joined") }
            case .left(_, let at, _), .declined(let at, _):
                if at < call.startedAt { fail(.timesInOrder, "declined before the call started") }
            case .ringing, .connected: break
            }
        }
    }

    /// From here, if nothing else happens, the call has to end.
    private func checkEnds(_ call: Call) {
        var call = call
        var bound = 2 * call.participants.count * call.participants.count + 4
        let latest =
            clock + call.rules.timings.maxDuration + call.rules.timings.longestRing + call.rules.timings.recovery
        while let deadline = call.nextDeadline {
            bound -= 1
            guard bound > 0, deadline <= latest else {
                return fail(.everyCallEnds, "left alone, it goes on: \(Describe.call(call))")
            }
            call = call.handle(.timePassed, at: deadline).transition.call
        }
        if !call.isEnded { fail(.everyCallEnds, "left alone, it stays open: \(Describe.call(call))") }
    }

    // MARK: Disk

    func checkStored(_ unit: Unit, over before: ModelDatabase.StoredCall?) {
        let call = unit.call
        if servers[unit.server].owner != unit.owner || before.map({ $0.owner != unit.owner }) ?? false {
            fail(.oneOwner, "the write of a former owner is accepted: \(Describe.call(call))")
        }
        guard let stored = database.call(call.id), stored.holds(call), stored.revision == call.revision else {
            return fail(.rowsAreTheCall, "the rows of \(Describe.call(call)) are not what it is")
        }
        for share in stored.shares {
            if let endedAt = share.endedAt, endedAt < share.startedAt {
                fail(.timesInOrder, "a share ended before it began")
            }
        }
    }

    /// The database refuses only writes of an owner that has lost the call, or may have, and repeated invites.
    func checkMayRefuse(_ unit: Unit, _ rule: String) {
        let call = unit.call
        let server = servers[unit.server]
        switch rule {
        case "calls_initiator_id_client_call_id_key" where unit.storedRevision == 0: return
        case "calls_open_key" where unit.storedRevision == 0:
            // This node does not have the conversation's open call.
            let other = database.calls.first {
                $0.isOpen && $0.mode == call.mode && $0.conversation == call.conversation && !$0.hasGrown
            }
            // It may have been adopted since the invite.
            if let other, server.openCalls[other.id] == nil || other.revision >= 1 << 32 { return }
        case "nodes.epoch": if database.node(unit.owner.node)?.epoch != unit.owner.epoch { return }
        case "calls.owner": if let stored = database.call(call.id), stored.owner != server.owner { return }
        case "calls.revision": if database.call(call.id)?.isOutOfSight ?? false { return }
        default: break
        }
        fail(.databaseAccepts, "the database refuses \(Describe.call(call)): \(rule)")
    }

    /// Everything that is sent is on disk. An owner that has lost a call without knowing it may send its old state.
    func checkDurable(_ call: Call, _ server: ModelServer) {
        if let index = database.index(of: call.id), database.calls[index].owner != server.owner,
            call.revision < database.calls[index].revision
        {
            return
        }
        guard database.holds(call) else {
            return fail(.nothingIsSentBeforeItIsDurable, "\(Describe.call(call)) is told and is not on disk")
        }
    }

    // MARK: Who knows

    /// After a change: everybody who is or was in the call or rung for it knows the new state. A change that is not
    /// stored, and whose only effect is that people are told of it, may wait.
    func checkTold(_ change: ModelServer.Change, _ server: ModelServer) {
        let call = change.transition.call
        guard !server.isDying, change.before?.revision != call.revision else { return }
        let onlyShows = change.transition.changes.isEmpty && change.transition.deliveries.allSatisfy(\.event.isChange)
        if onlyShows, change.mayWait { return }
        let before = change.before ?? call
        for participant in call.participants {
            let old = before.participant(participant.user)
            if participant.isHidden { continue }
            guard participant.maySeeCall || old?.maySeeCall ?? false else { continue }
            guard participant.isInvolved || old?.isInvolved ?? true || call.isEnded else { continue }
            for device in World.devices(of: participant.user) {
                guard let session = server.sessions[device], session.held == nil else { continue }
                checkTold(session, device, call, isOvertaken: change.isOvertaken)
            }
        }
    }

    /// After a welcome: the device knows all open calls of its user. After an adoption, that call.
    func checkWelcome(of device: Int, _ id: CallID?, _ server: ModelServer) {
        guard !server.isDying, let session = server.sessions[device] else { return }
        let user = World.user(of: device)
        for open in server.followed
        where open.isPlaced && open.underWay == nil && (id == nil || id == open.id)
            && open.call.participant(user)?.isInvolved ?? false
            && open.call.maySeeCall(user)
        {
            checkTold(session, device, open.call, isOvertaken: false)
        }
    }

    private func checkTold(_ session: ModelServer.Session, _ device: Int, _ call: Call, isOvertaken: Bool) {
        let told = session.told.first { $0.call == call.id }
        let server = servers[connections[session.connection].server]
        if let told, told.revision >= call.revision, isOvertaken || hasLost(call.id, server) { return }
        if told?.revision != call.revision {
            fail(.everybodyIsNotified, "\(Describe.device(device)) is not told: \(Describe.call(call))")
        }
        let open = server.table.inspect(call.id)
        let isHeard = open.map { $0.waitingCount == 0 } ?? true
        if isHeard, told?.rings ?? false != call.rings(device) {
            fail(
                .ringsWhereItShould,
                "\(Describe.device(device)) is told wrongly whether to ring: \(Describe.call(call))")
        }
    }

    /// When no frame is on its way to a device, it has the same state as the server.
    func checkClient(_ device: Int) {
        let client = clients[device]
        guard let connection = client.connection, client.isWelcome,
            connections[connection].onTheWayDown == 0, !connections[connection].isDownloadCut, server.isUp,
            // A server without a lease may have old state; once it has one again, it lets go of lost calls.
            server.lease.owner(at: clockTime(of: server)) != nil,
            server.sessions[device]?.connection == connection
        else { return }
        for live in server.followed {
            guard let participant = live.call.participant(client.user), let open = server.table.inspect(live.id),
                open.isSettled
            else { continue }
            if !participant.isInvolved || participant.isHidden || open.updatesDue != nil { continue }
            if open.hasMissedDevices || open.waitingCount > 0 { continue }
            // A repeated invite is answered with what is stored, of which the owner may not know.
            if database.wasOutOfSight(live.call.id) || hasLost(live.call.id, server) { continue }
            guard let known = client.calls.first(where: { $0.id == live.call.id }), known.looks(like: live.call) else {
                return fail(.clientsKnowTheCall, "\(Describe.device(device)) does not know \(Describe.call(live.call))")
            }
            if client.ringing.contains(live.call.id) != participant.isRinging {
                fail(.ringsWhereItShould, "\(Describe.device(device)) rings wrongly for \(Describe.call(live.call))")
            }
        }
        for known in client.calls where !known.isEnded {
            guard !server.table.holds(known.id), !server.lost.contains(known.id) else { continue }
            if let index = database.index(of: known.id), !database.calls[index].isOpen,
                !database.calls[index].wasOutOfSight, database.calls[index].isShown(to: client.user)
            {
                fail(.clientsKnowTheCall, "\(Describe.device(device)) takes an ended call for open")
            }
        }
    }

    /// A device that applies changes knows the same as if it were sent every whole call.
    func checkPicture(_ device: Int, _ id: CallID) {
        guard let call = clients[device].calls.first(where: { $0.id == id }) else { return }
        if clients[device].pictures[id] != Picture(of: call) {
            fail(.changesGiveTheCall, "\(Describe.device(device)) was not told all of \(Describe.call(call))")
        }
    }

    // MARK: At the end

    /// Whether people must have been told of a call's state: no unexpected late write has changed it.
    private func isInSight(_ id: CallID) -> Bool {
        !server.lost.contains(id) && database.index(of: id) != nil && !database.wasOutOfSight(id)
    }

    func checkAtRest() {
        for stored in database.calls {
            if stored.isOpen {
                fail(.everyCallEnds, "still open: \(Describe.call(stored.call(rules: schedule.rules)))")
            }
            if stored.shares.contains(where: { $0.endedAt == nil }) { fail(.endedCallIsInert, "a share is still open") }
        }
        for server in servers where server.isUp {
            if server.table.count > 0 { fail(.everyCallEnds, "server \(server.number) still holds a call") }
            if !server.unanswered.isEmpty {
                fail(.everyCommandIsAnswered, "\(server.unanswered.count) commands to server \(server.number) are not")
            }
        }
        for device in clients.indices where clients[device].isWelcome {
            if !clients[device].pending.isEmpty { fail(.settles, "a command was never answered") }
            // If another node owns a call by now, people are told of it only once they connect to that node.
            let rings = clients[device].ringing.filter { isInSight($0) }
            if !rings.isEmpty { fail(.ringsWhereItShould, "\(Describe.device(device)) never stops ringing") }
            for known in clients[device].calls {
                guard let stored = database.call(known.id), isInSight(known.id) else { continue }
                guard stored.holds(known) || !stored.isShown(to: clients[device].user) else {
                    return fail(
                        .clientsKnowTheCall, "\(Describe.device(device)) was told of \(Describe.call(known)) last")
                }
            }
        }
    }
}

extension Participant {
    /// Whether the user is in the call or rung for it.
    var isInvolved: Bool { isRinging || connection != nil }
}

extension Call {
    /// Whether people see the same.
    fileprivate func looks(like other: Call) -> Bool {
        revision == other.revision && phase == other.phase && participants == other.participants
            && screenShares == other.screenShares && mode == other.mode && isLocked == other.isLocked
    }
}

extension CallEvent {
    /// Whether it only carries what has changed in the call.
    fileprivate var isChange: Bool {
        if case .changed = self { true } else { false }
    }
}

extension RingStopReason {
    /// Why a device is to stop ringing, according to the tables.
    fileprivate init(of call: Call, for participant: Participant) {
        switch participant.state {
        case .connected: self = .answeredElsewhere
        case .declined: self = .declinedElsewhere
        case .left(let joinedAt, _, _) where joinedAt != nil: self = .answeredElsewhere
        case .left(_, _, .removed), .left(_, _, .kicked): self = .removed
        case .left(_, _, .noAnswer): self = .noAnswer
        case .ringing, .left:
            switch call.endReason {
            case .cancelled: self = .cancelled
            case .callerDisconnected: self = .callerDisconnected
            default: self = .callEnded
            }
        }
    }
}
