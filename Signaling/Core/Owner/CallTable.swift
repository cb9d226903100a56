import DequeModule
public import Primitives

/// The open calls of one shard, and all decisions of their owner: a value that is advanced by inputs. Its outputs are
/// values, too: it does nothing itself. The same inputs give the same outputs, in the same order.
///
/// Each input goes to its call. The result is committed; after that the new state replaces the old one, the reply is
/// sent and the events are delivered. While a commit of a call is in flight its next inputs wait; other calls continue.
///
/// The code that runs the table carries out the outputs of `handle` in that order and feeds the outcomes in; after that
/// it checks `nextWake`. The simulator runs the table as the server does.
public struct CallTable: Sendable {
    /// How many inputs may wait for one call's commit.
    public static let waitingLimit = 512
    /// The delay after a failed commit before a due deadline is retried, and before an uncertain outcome is looked up.
    public static let retryDelay = Instant.Span.milliseconds(500)

    let rules: CallRules
    var calls: [CallID: OpenCall] = [:]
    /// Calls that are not settled: an input on its way to disk may add somebody to them.
    var unsettled: Set<CallID> = []
    /// The open direct call and the open group call of each conversation.
    private var callByKey: [OpenKey: CallID] = [:]
    private(set) var callsOfUser: [UserID: Set<CallID>] = [:]
    var deadlines = DeadlineTable()
    /// When devices that were kept waiting for a call's latest state get it.
    var updates = DeadlineTable()
    var endings = MembershipEndings()
    var lease = Lease.none
    var lastCommit: UInt64 = 0
    /// The time of the input that is being carried out.
    var now = Instant(microseconds: 0)
    /// The outputs so far of the input that is being carried out.
    var outputs: [Output] = []
    /// What has happened since it was last read.
    public var tally = CallTally()
    /// The steps of the calls, in order, for a checker; nil when there is none.
    public var trace: [Step]?

    /// A table without calls and without a lease.
    public init(rules: CallRules) {
        self.rules = rules
    }

    /// The state of a call's latest commit. A commit is large, and an open call is copied far more often.
    indirect enum CommitState {
        /// None is in flight. Can go to: committing.
        case settled
        /// On its way to disk. Can go to: settled, uncertain.
        case committing(Commit)
        /// The connection broke during it. Can go to: settled.
        case uncertain(Commit, isAsked: Bool)
    }

    /// A transition on its way to disk.
    struct Commit {
        let id: CommitID
        let change: RecordedChange
        let then: FollowUp
    }

    /// An input on its way to its call.
    struct Pending {
        let input: CallInput
        /// Who may enter the call through it.
        var newcomers: [Profile] = []
        /// How many memberships had ended when members were looked up for it.
        var endings: UInt64 = 0
        var then = FollowUp.nothing

        init(_ input: CallInput, then: FollowUp = .nothing) {
            self.input = input
            self.then = then
        }

        init(_ input: CallInput, _ asked: Asked) {
            self.input = input
            newcomers = asked.newcomers
            endings = asked.endings
            then = .answer(asked.replyTo)
        }
    }

    /// What follows once an input is carried out, or fails.
    enum FollowUp: Equatable {
        case nothing
        /// Somebody waits for the answer.
        case answer(ReplyTo)
        /// It was due before the first waiting input, which can't be carried out without it.
        case next
        /// It is retried until it is carried out.
        case owed(CallInput)
    }

    // MARK: Inputs

    /// Advances the table.
    ///
    /// - Parameter outputs: What to do, in this order, is appended to it.
    public mutating func handle(_ input: Input, at now: Instant, _ outputs: inout [Output]) {
        self.now = now
        swap(&self.outputs, &outputs)
        take(input)
        swap(&self.outputs, &outputs)
    }

    private mutating func take(_ input: Input) {
        switch input {
        case .invite(let invitation, let asked): invite(Pending(.invite(invitation), asked), invitation)
        case .command(let command, let id, let asked):
            receive(Pending(.command(command, from: asked.replyTo.origin), asked), for: id)
        case .deviceReturned(let origin): deviceReturned(origin)
        case .deviceLost(let origin): deviceLost(origin)
        case .deviceGone(let origin, let id): receive(Pending(.deviceLost(origin.user, origin.device)), for: id)
        case .devicesNow(let id, let present, let gone): devicesNow(present, gone, in: id)
        case .ringingFeigned(let user, let id): receive(Pending(.ringingFeigned(user)), for: id)
        case .committed(let commit, let id, let outcome): committed(commit, id, outcome)
        case .lookedUp(let commit, let id, let found): lookedUp(commit, id, found)
        case .lease(let lease): leaseChanged(to: lease)
        case .adopted(let stored, let lastSeen, let present): adopt(stored, lastSeen: lastSeen, present: present)
        case .takenOver(let ids): for id in ids where calls[id] != nil { letGo(of: id) }
        case .superseded: letGoOfAll()
        case .membershipEnded(let ending, let number): membershipEnded(ending, number: number)
        case .loggedOut(let user, let devices, let isLast): loggedOut(user, devices, isLast: isLast)
        case .drainDue(let id): drain(with: id)
        case .rested(let id):
            calls[id]?.isResting = false
            drain(with: id)
        case .timePassed: timePassed()
        }
    }

    mutating func invite(_ pending: Pending, _ invitation: Invitation) {
        guard let id = callByKey[OpenKey(conversation: invitation.conversation, mode: invitation.mode)] else {
            return place(pending, invitation)
        }
        receive(pending, for: id)
    }

    mutating func receive(_ pending: Pending, for id: CallID) {
        guard let open = calls[id] else {
            // It ended between the look-up and now; calls that are over are answered from the archive.
            return answerFromArchive(pending, id)
        }
        // Inputs that are already waiting come first.
        if !open.waiting.isEmpty || !isReady(id) { return keep(pending, for: id) }
        carryOut(pending, on: id)
        drainLater(with: id)
    }

    private mutating func keep(_ pending: Pending, for id: CallID) {
        if pending.input.isOfClient, let count = calls[id]?.waiting.count, count >= Self.waitingLimit {
            return conclude(pending.then, in: id, failed: .unavailable)
        }
        calls[id]?.waiting.append(pending)
    }

    /// Gives a call that is ready an input.
    mutating func carryOut(_ pending: Pending, on id: CallID) {
        guard let call = calls[id]?.call else { return }
        // Another node may know a newer state of the call.
        if pending.input.isOfClient, lease.owner(at: now) == nil {
            return conclude(pending.then, in: id, failed: .unavailable)
        }
        guard let input = upToDate(pending, in: call.conversation) else {
            return conclude(pending.then, in: id, failed: .refused(.notFound, nil))
        }
        let step = call.handle(input, at: now)
        trace?.append(.handled(call, input, step))
        switch step {
        case .due(let transition):
            calls[id]?.waiting.prepend(pending)
            commit(transition, of: id, then: .next)
        case .done(let transition):
            for profile in pending.newcomers { calls[id]?.people[profile.id] = profile }
            commit(transition, of: id, then: pending.then)
        }
    }

    private mutating func place(_ pending: Pending, _ invitation: Invitation) {
        guard case .invite(var invitation)? = upToDate(pending, in: invitation.conversation) else {
            return conclude(pending.then, in: invitation.call, failed: .refused(.notFound, nil))
        }
        invitation.callees = Array(invitation.callees.prefix(rules.participantLimit - 1))
        let transition = Call.place(invitation, rules: rules, at: now)
        trace?.append(.placed(invitation, transition))
        let people = Dictionary(pending.newcomers.map { ($0.id, $0) }) { first, _ in first }
        open(OpenCall(call: transition.call, people: people, storedRevision: 0))
        commit(transition, of: transition.call.id, then: pending.then)
    }

    /// Answers a request that can't be carried out.
    mutating func conclude(_ then: FollowUp, in id: CallID, failed reply: CallReply) {
        switch then {
        case .nothing, .owed: break
        case .answer(let replyTo): outputs.append(.reply(replyTo, reply))
        case .next: giveUpNext(of: id, reply)
        }
    }

    /// The first waiting input can't be carried out: what is due before it could not be written.
    private mutating func giveUpNext(of id: CallID, _ reply: CallReply) {
        guard let pending = calls[id]?.waiting.popFirst() else { return }
        switch pending.input {
        case .deviceLost, .deviceReturned, .ringingFeigned: calls[id]?.hasMissedDevices = true
        case .invite, .command, .membershipEnded, .deviceLoggedOut, .userLoggedOut, .timePassed: break
        }
        conclude(pending.then, in: id, failed: reply)
    }

    mutating func answerFromArchive(_ pending: Pending, _ id: CallID) {
        guard case .command(let command, from: _) = pending.input, case .answer(let replyTo) = pending.then else {
            return
        }
        outputs.append(.answerFromArchive(command, id, replyTo))
    }

    // MARK: Tables

    /// Adds a call that is new here.
    mutating func open(_ open: OpenCall) {
        let call = open.call
        calls[call.id] = open
        outputs.append(.opened(call.id, call.conversation))
        addKey(call)
        for user in call.users { callsOfUser[user, default: []].insert(call.id) }
        for participant in call.participants where participant.connection != nil {
            outputs.append(.connection(participant.user, call.id, isConnected: true))
        }
    }

    /// Updates the tables for a call that has changed.
    mutating func reindex(_ old: Call, _ new: Call) {
        if old.mode != new.mode {
            removeKey(old)
            addKey(new)
        }
        for (index, participant) in new.participants.enumerated() {
            let before = index < old.participants.count ? old.participants[index] : nil
            if before == nil { callsOfUser[participant.user, default: []].insert(new.id) }
            let (was, isConnected) = (before?.connection != nil, participant.connection != nil)
            if let device = participant.connection?.device, before?.connection?.device != device {
                recheck(CallOrigin(user: participant.user, device: device), in: new.id)
            }
            if was != isConnected { outputs.append(.connection(participant.user, new.id, isConnected: isConnected)) }
        }
        guard old.joinRequests != new.joinRequests else { return }
        for request in new.joinRequests {
            callsOfUser[request.origin.user, default: []].insert(new.id)
            if !old.joinRequests.contains(request) { recheck(request.origin, in: new.id) }
        }
        for request in old.joinRequests where !new.concerns(request.origin.user) {
            unindex(new.id, of: request.origin.user)
        }
    }

    /// A direct call that grew does not take the place of a call that was placed as a group call.
    private mutating func addKey(_ call: Call) {
        if callByKey[call.openKey] == nil { callByKey[call.openKey] = call.id }
    }

    private mutating func removeKey(_ call: Call) {
        if callByKey[call.openKey] == call.id { callByKey[call.openKey] = nil }
    }

    private mutating func unindex(_ call: CallID, of user: UserID) {
        callsOfUser[user]?.remove(call)
        if callsOfUser[user]?.isEmpty == true { callsOfUser[user] = nil }
    }

    /// Removes a call from the tables, and returns the inputs that wait for it.
    mutating func removeCall(_ id: CallID) -> Deque<Pending> {
        guard let open = calls.removeValue(forKey: id) else { return [] }
        let call = open.call
        outputs.append(.closed(id, connected: call.participants.filter { $0.connection != nil }.map(\.user)))
        unsettled.remove(id)
        deadlines.set(id, nil)
        updates.set(id, nil)
        removeKey(call)
        for user in call.users { unindex(id, of: user) }
        if case .committing(let commit) = open.commit { conclude(commit.then, in: id, failed: .unavailable) }
        return open.waiting
    }

    /// Drops a call that is over or was never placed. Commands that still wait for it are answered.
    mutating func forget(_ id: CallID) {
        answer(removeCall(id), to: id)
    }

    /// Answers the commands that waited for a call that is no longer open.
    mutating func answer(_ waiting: Deque<Pending>, to id: CallID) {
        for pending in waiting {
            if case .invite(let invitation) = pending.input {
                invite(pending, invitation)
            } else {
                answerFromArchive(pending, id)
            }
        }
    }
}

// What the code that runs the table may read.
extension CallTable {
    /// How many calls are open.
    public var count: Int { calls.count }

    /// Whether a call is open here.
    public func holds(_ id: CallID) -> Bool { calls[id] != nil }

    /// The calls with no commit in flight.
    public var settledCalls: [CallID] { calls.keys.filter { !unsettled.contains($0) }.sorted() }

    /// Whether a stored call can be adopted; not while an earlier state of it is unsettled.
    public func mayAdopt(_ id: CallID) -> Bool { !unsettled.contains(id) }

    /// What a user who has just connected may see of the open calls.
    public func openCalls(of user: UserID) -> [CallView] {
        (callsOfUser[user] ?? []).sorted().compactMap { id in
            guard let open = calls[id], open.storedRevision > 0, open.call.maySeeCall(user) else { return nil }
            return open.view
        }
    }
}

/// Identifies a conversation's open call: it may have one of each mode.
private struct OpenKey: Hashable {
    let conversation: ConversationID
    let mode: Call.Mode
}

extension Call {
    fileprivate var openKey: OpenKey { OpenKey(conversation: conversation, mode: mode) }

    /// All users whom the call concerns: participants, and those who ask to be admitted.
    var users: Set<UserID> {
        Set(participants.map(\.user)).union(joinRequests.map(\.origin.user))
    }

    /// Whether the call concerns a user.
    func concerns(_ user: UserID) -> Bool {
        participant(user) != nil || joinRequests.contains { $0.origin.user == user }
    }
}

extension CallTable.OpenCall {
    var view: CallView { CallView(call: call, people: people) }

    var isSettled: Bool { if case .settled = commit { true } else { false } }

    /// When the call is processed next: at its deadline, or sooner when it has a removal to retry.
    func nextLook(retryAt soon: Instant) -> Instant? {
        guard !owed.isEmpty, !call.isEnded else { return call.nextDeadline }
        return call.nextDeadline.map { min($0, soon) } ?? soon
    }
}

extension CallInput {
    /// Whether a client asked for it: inputs from the server itself are never refused.
    var isOfClient: Bool {
        switch self {
        case .invite, .command: true
        case .deviceLost, .deviceReturned, .membershipEnded, .deviceLoggedOut, .userLoggedOut, .ringingFeigned,
            .timePassed:
            false
        }
    }
}
