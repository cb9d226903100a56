import DequeModule
import Logging
import NIOCore
import Primitives
import SignalingCore
import Storage

/// The open calls of one shard. Confined to its event loop: every method is called there.
///
/// Each input goes through the pure core; what follows from it is committed, and only then does the new state take the
/// place of the old one, the reply goes out and the events are delivered. While a call's commit is under way its next
/// inputs wait; other calls go on.
final class LiveCalls {
    struct LiveCall {
        /// The call as the database has it, but for what is never stored.
        var call: Call
        var people: [UserID: Profile]
        /// The revision of the stored row; a commit that finds another one changes nothing.
        var storedRevision: Int64
        var standing: Standing = .settled
        var waiting: Deque<Waiting> = []
        /// What is told when.
        var pace = UpdatePace()
        /// How much of the loop's time it has taken.
        var budget = TurnBudget()
        /// Whether its inputs wait until others have had their turn.
        var isResting = false
        /// Whether a device came or went, and the call could not be told.
        var hasMissedDevices = false
        /// Who is to be out of the call, and is not yet on disk: it is tried until it is.
        var owed: [CallInput] = []
    }

    enum Standing {
        /// Can go to: committing.
        case settled
        /// A transition is on its way to disk. Can go to: settled, uncertain, gone.
        case committing
        /// The connection broke during a commit. Can go to: settled, gone.
        case uncertain(Uncertainty)
    }

    /// A transition that is on disk or not.
    struct Uncertainty {
        let transition: CallTransition
        /// Whether the database has been asked and has not answered yet.
        var isBeingLookedUp = false
    }

    enum Waiting {
        case input(PendingInput)
        case invite(PendingInvite)

        /// Whether a client asked for it: what the server itself has to say to a call is never turned away.
        var isCommand: Bool {
            switch self {
            case .input(let pending): if case .command = pending.input { true } else { false }
            case .invite: true
            }
        }

        var isPassageOfTime: Bool {
            if case .input(let pending) = self, case .timePassed = pending.input { true } else { false }
        }

        /// Who asked for it.
        var user: UserID? {
            switch self {
            case .input(let pending): if case .command(_, from: let origin) = pending.input { origin.user } else { nil }
            case .invite(let pending): pending.caller.id
            }
        }

        var reply: @Sendable (CallReply) -> Void {
            switch self {
            case .input(let input): input.reply
            case .invite(let invite): invite.reply
            }
        }
    }

    /// How many inputs may wait for one call's commit.
    static let waitingLimit = 512
    /// How long after a failed commit a due deadline is tried again, and an uncertain outcome looked up.
    static let retryDelay = Instant.Span.milliseconds(500)

    let surroundings: CallShard.Surroundings
    let loop: any EventLoop
    var calls: [CallID: LiveCall] = [:]
    /// The open direct call and the open group call of each conversation.
    private var callsOfConversation: [Place: CallID] = [:]
    private(set) var callsOfUser: [UserID: Set<CallID>] = [:]
    var deadlines = DeadlineTable()
    /// When devices that were kept waiting for a call's latest picture get it.
    var updates = DeadlineTable()
    var timer: (due: Instant, scheduled: Scheduled<Void>)?
    var endings = MembershipEndings()

    static func make(
        on loop: any EventLoop, _ surroundings: CallShard.Surroundings
    ) -> NIOLoopBoundBox<LiveCalls> {
        NIOLoopBoundBox.makeBoxSendingValue(LiveCalls(surroundings, loop), eventLoop: loop)
    }

    private init(_ surroundings: CallShard.Surroundings, _ loop: any EventLoop) {
        self.surroundings = surroundings
        self.loop = loop
    }

    // MARK: Inputs

    /// Takes up a call that this node has become the owner of.
    ///
    /// - Parameter lastSeen: When the owner before was last alive.
    /// - Returns: Whether the call is taken up; false while an earlier picture of it is not settled.
    func adopt(_ stored: CallView, lastSeen: Instant) -> Bool {
        if let earlier = calls[stored.call.id] {
            // It was another node's meanwhile, and nobody noticed.
            guard case .settled = earlier.standing else { return false }
            forget(stored.call.id)
        }
        let call = stored.call.adopted(at: surroundings.now(), lastSeen: lastSeen)
        calls[call.id] = LiveCall(call: call, people: stored.people, storedRevision: call.revision)
        enroll(call)
        surroundings.metrics.open.add(1)
        receive(PendingInput(.timePassed), for: call.id)
        greetConnectedDevices(of: call)
        return true
    }

    func receive(_ pending: PendingInvite) {
        guard let pending = pending.upToDate(with: endings) else { return pending.reply(.refused(.notFound, nil)) }
        let place = Place(conversation: pending.conversation, mode: pending.mode)
        guard let id = callsOfConversation[place] else { return self.place(pending) }
        receive(.invite(pending), for: id)
    }

    func receive(_ pending: PendingInput, for id: CallID) {
        guard calls[id] != nil else {
            // It ended between the look-up and now; what is over is answered for by the archive.
            return answerFromArchive(pending, id)
        }
        receive(.input(pending), for: id)
    }

    private func receive(_ waiting: Waiting, for id: CallID) {
        guard isReady(id) else { return keep(waiting, for: id) }
        guard let live = calls[id] else { return }
        carryOut(waiting, on: live)
        goOn(with: id)
    }

    private func keep(_ waiting: Waiting, for id: CallID) {
        if waiting.isCommand, let count = calls[id]?.waiting.count, count >= Self.waitingLimit {
            return waiting.reply(.unavailable)
        }
        calls[id]?.waiting.append(waiting)
    }

    func carryOut(_ waiting: Waiting, on live: LiveCall) {
        let now = surroundings.now()
        // What the call is now, perhaps another node knows.
        if waiting.isCommand, surroundings.lease.owner(at: now) == nil { return waiting.reply(.unavailable) }
        if live.call.isOverdue(at: now), !waiting.isPassageOfTime {
            return carryOutDeadlines(of: live, at: now, before: waiting)
        }
        switch waiting {
        case .input(let pending):
            let input = pending.input(for: live.call, upToDateWith: endings)
            let transition = live.call.handle(input, at: now)
            commit(transition, on: live.with(pending.newcomers), for: waiting.user, reply: pending.reply)
            if case .command(.join, from: let origin) = pending.input { noticeIfGone(origin, from: live.call.id) }
        case .invite(let pending):
            guard let pending = pending.upToDate(with: endings) else {
                return pending.reply(.refused(.notFound, nil))
            }
            let live = live.with([pending.caller])
            commit(
                pending.carriedOut(on: live.call, isInCall: surroundings.directory.isInCall, at: now), on: live,
                for: pending.caller.id, reply: pending.reply)
            noticeIfGone(pending.origin, from: live.call.id)
        }
    }

    /// Writes down and tells what is due; then comes the input, which may find the call over.
    private func carryOutDeadlines(of live: LiveCall, at now: Instant, before waiting: Waiting) {
        let id = live.call.id
        calls[id]?.waiting.prepend(waiting)
        let myself = NIOLoopBound(self, eventLoop: loop)
        commit(live.call.handle(.timePassed, at: now), on: live, for: nil) { reply in
            switch reply {
            case .done, .refused: break
            case .limited, .usedUp, .unavailable, .failed: myself.value.giveUpNext(of: id, reply)
            }
        }
    }

    /// The input that waits first can't be carried out: what is due before it could not be written.
    private func giveUpNext(of id: CallID, _ reply: CallReply) {
        guard let waiting = calls[id]?.waiting.popFirst() else { return }
        if case .input(let pending) = waiting, pending.input.isOfDevice { calls[id]?.hasMissedDevices = true }
        waiting.reply(reply)
    }

    private func place(_ pending: PendingInvite) {
        let now = surroundings.now()
        let transition = Call.place(
            Invitation(
                call: .random(at: now), conversation: pending.conversation, mode: pending.mode,
                caller: pending.origin,
                callees: pending.callees.prefix(surroundings.rules.participantLimit - 1).map {
                    $0.callee(isInCall: surroundings.directory.isInCall($0.profile.id))
                },
                type: pending.invite.type, media: pending.invite.media, clientCallID: pending.invite.clientCallID),
            rules: surroundings.rules, at: now)
        let live = LiveCall(call: transition.call, people: [:], storedRevision: 0)
            .with(pending.callees.map(\.profile) + [pending.caller])
        calls[transition.call.id] = live
        enroll(transition.call)
        surroundings.metrics.open.add(1)
        commit(transition, on: live, for: pending.caller.id, reply: pending.reply)
        noticeIfGone(pending.origin, from: transition.call.id)
    }

    // MARK: Commit, reply, fan out

    /// - Parameter user: Who asked for it, and is answered with what they may see.
    private func commit(
        _ transition: CallTransition, on live: LiveCall, for user: UserID?,
        reply: @escaping @Sendable (CallReply) -> Void
    ) {
        guard !transition.changes.isEmpty else {
            calls[live.call.id]?.people = live.people
            return apply(transition, for: user, reply: reply)
        }
        guard let owner = surroundings.lease.owner(at: surroundings.now()) else {
            return commitFailed(transition, live, DatabaseError(.unavailable, "no lease"), reply: reply)
        }
        let id = transition.call.id
        calls[id]?.standing = .committing
        calls[id]?.people = live.people
        let records = Records(of: change(transition, on: live), by: surroundings.recorders)
        let own = CallRows.steps(for: transition, storedRevision: live.storedRevision, by: owner)
        let myself = NIOLoopBound(self, eventLoop: loop)
        surroundings.database.enqueue(WriteUnit(own + records.steps)) { result in
            myself.eventLoop.execute {
                if case .success(let results) = result { records.recorded(results.dropFirst(own.count)) }
                myself.value.committed(transition, result.map { _ in }, for: user, reply: reply)
            }
        }
    }

    func change(_ transition: CallTransition, on live: LiveCall) -> RecordedChange {
        RecordedChange(
            old: live.storedRevision == 0 ? nil : live.call, transition: transition, people: live.people,
            at: surroundings.now())
    }

    private func committed(
        _ transition: CallTransition, _ result: Result<Void, DatabaseError>, for user: UserID?,
        reply: @escaping @Sendable (CallReply) -> Void
    ) {
        let id = transition.call.id
        guard let live = calls[id] else { return reply(.unavailable) }
        calls[id]?.standing = .settled
        switch result {
        case .success:
            calls[id]?.storedRevision = transition.call.revision
            apply(transition, for: user, reply: reply)
            hearOfDevicesAgain(in: id)
        case .failure(let error):
            surroundings.metrics.failedCommits.add()
            surroundings.logger.warning(
                "a call's transition was not committed", metadata: ["call": "\(id)", "error": "\(error)"])
            commitFailed(transition, live, error, reply: reply)
        }
        goOn(with: id)
    }

    private func commitFailed(
        _ transition: CallTransition, _ live: LiveCall, _ error: DatabaseError,
        reply: @escaping @Sendable (CallReply) -> Void
    ) {
        let id = transition.call.id
        let isNew = live.storedRevision == 0
        switch error.code {
        case .unavailable:
            reply(.unavailable)
            isNew ? forget(id) : lookAgainSoon(at: live.call)
        case .outcomeUnknown:
            reply(.unavailable)
            calls[id]?.standing = .uncertain(Uncertainty(transition: transition))
            lookUp(id)
        case .expectationFailed:
            reply(.unavailable)
            letGo(of: id)
        case .constraint where isNew:
            // The same invite was placed before, or the pair has an open call that this process does not own.
            forget(id)
            answerRepeatedInvite(transition.call, reply)
        case .constraint, .invalid:
            reply(.failed)
            isNew ? forget(id) : lookAgainSoon(at: live.call)
        }
    }

    /// Puts the new state in the place of the old one, answers, and tells everybody.
    func apply(_ transition: CallTransition, for user: UserID?, reply: @Sendable (CallReply) -> Void) {
        let id = transition.call.id
        guard var live = calls[id] else { return }
        let began = surroundings.now()
        let metrics = surroundings.metrics
        let isNew = transition.changes.contains(.insertCall)
        metrics.count(from: isNew ? nil : live.call, to: transition.call)
        metrics.count(transition)
        let users = transition.call.users
        let left = live.call.users.subtracting(users)
        let unheard = transition.call.unheardCallees.subtracting(isNew ? [] : live.call.unheardCallees)
        enroll(transition.call, insteadOf: live.call)
        live.call = transition.call
        live.people = live.people.filter { users.contains($0.key) }
        let deliveries = live.pace.tell(transition, at: began)
        calls[id] = live
        for user in left { strike(id, of: user) }
        if transition.call.isEnded { surroundings.directory.remove(transition.call) }
        deadlines.set(id, live.nextLook(retryAt: surroundings.now() + Self.retryDelay))
        updates.set(id, live.pace.due)
        armTimer()
        // Whoever is told of the end finds the call gone.
        let waiting = transition.call.isEnded ? takeOut(id) : []
        reply(CallReply(transition, people: live.people, to: user))
        tell(deliveries, of: view(live))
        calls[id]?.budget.note(from: began, to: surroundings.now())
        for user in unheard where !surroundings.presence.connectedDevices(of: user).isEmpty {
            feignRingingSoon(of: user, in: id)
        }
        answer(waiting, to: id)
    }

    /// Tells devices, each event once for all whom it goes to.
    func tell(_ deliveries: [CallDelivery], of view: CallView) {
        for broadcast in CallBroadcast.gathered(from: deliveries) {
            if case .signal = broadcast.event { surroundings.metrics.relayedSignals.add() }
            surroundings.events.deliver(broadcast.event, of: view, to: broadcast.addresses)
        }
    }

    // MARK: Tables

    func view(_ live: LiveCall) -> CallView {
        CallView(call: live.call, people: live.people)
    }

    /// Writes a call that is new or has changed into the tables.
    private func enroll(_ call: Call, insteadOf old: Call? = nil) {
        if let old, old.mode != call.mode { leave(old.place, of: old.id) }
        // A direct call that grew does not take the place of a call that was placed as a group call.
        if callsOfConversation[call.place] == nil { callsOfConversation[call.place] = call.id }
        for user in call.users { callsOfUser[user, default: []].insert(call.id) }
        surroundings.directory.put(call)
    }

    private func leave(_ place: Place, of call: CallID) {
        if callsOfConversation[place] == call { callsOfConversation[place] = nil }
    }

    private func strike(_ call: CallID, of user: UserID) {
        callsOfUser[user]?.remove(call)
        if callsOfUser[user]?.isEmpty == true { callsOfUser[user] = nil }
    }

    /// Drops a call that is over or was never placed. Whoever still waits for it is answered.
    func forget(_ id: CallID) {
        answer(takeOut(id), to: id)
    }

    /// Takes a call out of the tables, and gives back what waits for it.
    private func takeOut(_ id: CallID) -> Deque<Waiting> {
        guard let live = calls.removeValue(forKey: id) else { return [] }
        surroundings.metrics.open.add(-1)
        surroundings.directory.remove(live.call)
        deadlines.set(id, nil)
        updates.set(id, nil)
        leave(live.call.place, of: id)
        for user in live.call.users { strike(id, of: user) }
        return live.waiting
    }

    private func answer(_ waiting: Deque<Waiting>, to id: CallID) {
        for waiting in waiting {
            switch waiting {
            case .input(let pending): answerFromArchive(pending, id)
            case .invite(let pending): receive(pending)
            }
        }
    }

    private func answerFromArchive(_ pending: PendingInput, _ id: CallID) {
        guard case .command(let command, let origin) = pending.input else { return }
        surroundings.archive.answer(
            command, to: id, from: origin, at: surroundings.now(), metrics: surroundings.metrics, reply: pending.reply)
    }

    private func answerRepeatedInvite(_ call: Call, _ reply: @escaping @Sendable (CallReply) -> Void) {
        let (archive, directory) = (surroundings.archive, surroundings.directory)
        Task {
            do throws(DatabaseError) {
                let earlier = try await archive.call(placedBy: call.initiator, as: call.clientCallID)
                // Of an open call only its owner knows enough.
                guard let earlier, earlier.call.isEnded || directory.conversation(of: earlier.call.id) != nil else {
                    return reply(.unavailable)
                }
                reply(.done(earlier))
            } catch {
                reply(.unavailable)
            }
        }
    }
}

/// Where a conversation's open call stands: it may have one of each mode.
private struct Place: Hashable {
    let conversation: ConversationID
    let mode: Call.Mode
}

extension Call {
    fileprivate var place: Place { Place(conversation: conversation, mode: mode) }

    /// Everybody whom the call has to do with: participants, and those who ask to be let in.
    fileprivate var users: Set<UserID> {
        Set(participants.map(\.user)).union(joinRequests.map(\.origin.user))
    }
}

extension LiveCalls.LiveCall {
    /// The call with the profiles of people who may come into it.
    fileprivate func with(_ newcomers: [Profile]) -> Self {
        var live = self
        for profile in newcomers { live.people[profile.id] = profile }
        return live
    }

    /// When the call is looked at next: at its deadline, or sooner when something is owed to it.
    func nextLook(retryAt soon: Instant) -> Instant? {
        guard !owed.isEmpty, !call.isEnded else { return call.nextDeadline }
        return call.nextDeadline.map { min($0, soon) } ?? soon
    }
}

extension PendingInvite {
    /// What becomes of an invite where there is an open call already: glare and moving in a direct call, joining in a
    /// group call.
    fileprivate func carriedOut(
        on call: Call, isInCall: (UserID) -> Bool, at now: Instant
    ) -> CallTransition {
        switch mode {
        case .direct: call.handleInvite(from: origin, as: invite.clientCallID, media: invite.media, at: now)
        case .group:
            call.handleGroupInvite(
                from: origin, as: invite.clientCallID, media: invite.media,
                callees: callees.map { $0.callee(isInCall: isInCall($0.profile.id)) }, at: now)
        }
    }
}

extension CallInput {
    /// Whether a device came or went.
    fileprivate var isOfDevice: Bool {
        switch self {
        case .deviceLost, .deviceReturned: true
        case .command, .membershipEnded, .deviceLoggedOut, .userLoggedOut, .ringingFeigned, .timePassed: false
        }
    }
}
