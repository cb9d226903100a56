import DequeModule
public import Primitives

/// The open calls of one shard, and all that their owner decides: a value that inputs move on. What it wants done comes out
/// as values, too: it does nothing itself. The same inputs give the same outputs, in the same order.
///
/// Each input goes to its call; what follows from it is committed, and only then does the new state take the place of the
/// old one, the reply goes out and the events are delivered. While a call's commit is under way its next inputs wait; other
/// calls go on.
///
/// Whoever runs the table carries out what `handle` gives, in that order, and feeds the outcomes in; it looks at `nextWake`
/// after that. The simulator runs it as the server does.
public struct CallTable: Sendable {
    /// How many inputs may wait for one call's commit.
    public static let waitingLimit = 512
    /// How long after a failed commit a due deadline is tried again, and an uncertain outcome looked up.
    public static let retryDelay = Instant.Span.milliseconds(500)

    let rules: CallRules
    var calls: [CallID: OpenCall] = [:]
    /// Calls that are not settled: an input on its way to disk may bring somebody into them.
    var unsettled: Set<CallID> = []
    /// The open direct call and the open group call of each conversation.
    private var callsOfPlace: [Place: CallID] = [:]
    private(set) var callsOfUser: [UserID: Set<CallID>] = [:]
    var deadlines = DeadlineTable()
    /// When devices that were kept waiting for a call's latest picture get it.
    var updates = DeadlineTable()
    var endings = MembershipEndings()
    var lease = Lease.none
    var lastCommit: UInt64 = 0
    /// The moment of the input that is being carried out.
    var now = Instant(microseconds: 0)
    /// What the input that is being carried out wants done so far.
    var outputs: [Output] = []
    /// What has happened since it was last taken.
    public var tally = CallTally()
    /// What the calls went through, in its order, for somebody who checks it; nil when nobody does.
    public var trace: [Step]?

    /// A table without calls and without a lease.
    public init(rules: CallRules) {
        self.rules = rules
    }

    /// Where the latest commit of a call is. A commit is large, and an open call is copied more often than it is committed.
    indirect enum CommitState {
        /// None is under way. Can go to: committing.
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
        let then: Then
    }

    /// An input on its way to its call.
    struct Pending {
        let input: CallInput
        /// Who may come into the call by it.
        var newcomers: [Profile] = []
        /// How many memberships had ended when members were looked up for it.
        var endings: UInt64 = 0
        var then = Then.nothing

        init(_ input: CallInput, then: Then = .nothing) {
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

    /// What follows once an input is carried out, or can't be.
    enum Then: Equatable {
        case nothing
        /// Somebody waits for the answer.
        case answer(ReplyTo)
        /// It was due before the input that waits first, which can't be carried out unless it is.
        case next
        /// The call is owed it until it is carried out.
        case owed(CallInput)
    }

    // MARK: Inputs

    /// Moves the table on.
    ///
    /// - Parameter outputs: What is to be done, in this order, is added to it.
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
        guard let id = callsOfPlace[Place(conversation: invitation.conversation, mode: invitation.mode)] else {
            return place(pending, invitation)
        }
        receive(pending, for: id)
    }

    mutating func receive(_ pending: Pending, for id: CallID) {
        guard let open = calls[id] else {
            // It ended between the look-up and now; what is over is answered for by the archive.
            return answerFromArchive(pending, id)
        }
        // What waits already comes first.
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
        // What the call is now, perhaps another node knows.
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

    /// Ends the waiting of whoever asked for something that comes to nothing.
    mutating func conclude(_ then: Then, in id: CallID, failed reply: CallReply) {
        switch then {
        case .nothing, .owed: break
        case .answer(let replyTo): outputs.append(.reply(replyTo, reply))
        case .next: giveUpNext(of: id, reply)
        }
    }

    /// The input that waits first can't be carried out: what is due before it could not be written.
    private mutating func giveUpNext(of id: CallID, _ reply: CallReply) {
        guard let pending = calls[id]?.waiting.popFirst() else { return }
        switch pending.input {
        case .deviceLost, .deviceReturned: calls[id]?.hasMissedDevices = true
        case .invite, .command, .membershipEnded, .deviceLoggedOut, .userLoggedOut, .ringingFeigned, .timePassed: break
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

    /// Takes in a call that is new here.
    mutating func open(_ open: OpenCall) {
        let call = open.call
        calls[call.id] = open
        outputs.append(.opened(call.id, call.conversation))
        indexPlace(call)
        for user in call.users { callsOfUser[user, default: []].insert(call.id) }
        for participant in call.participants where participant.connection != nil {
            outputs.append(.connection(participant.user, call.id, isConnected: true))
        }
    }

    /// Brings the tables up to date with a call that has changed.
    mutating func reindex(_ old: Call, _ new: Call) {
        if old.mode != new.mode {
            unindexPlace(old)
            indexPlace(new)
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
    private mutating func indexPlace(_ call: Call) {
        if callsOfPlace[call.place] == nil { callsOfPlace[call.place] = call.id }
    }

    private mutating func unindexPlace(_ call: Call) {
        if callsOfPlace[call.place] == call.id { callsOfPlace[call.place] = nil }
    }

    private mutating func unindex(_ call: CallID, of user: UserID) {
        callsOfUser[user]?.remove(call)
        if callsOfUser[user]?.isEmpty == true { callsOfUser[user] = nil }
    }

    /// Takes a call out of the tables, and gives back what waits for it.
    mutating func removeCall(_ id: CallID) -> Deque<Pending> {
        guard let open = calls.removeValue(forKey: id) else { return [] }
        let call = open.call
        outputs.append(.closed(id, connected: call.participants.filter { $0.connection != nil }.map(\.user)))
        unsettled.remove(id)
        deadlines.set(id, nil)
        updates.set(id, nil)
        unindexPlace(call)
        for user in call.users { unindex(id, of: user) }
        if case .committing(let commit) = open.commit { conclude(commit.then, in: id, failed: .unavailable) }
        return open.waiting
    }

    /// Drops a call that is over or was never placed. Whoever still waits for it is answered.
    mutating func forget(_ id: CallID) {
        answer(removeCall(id), to: id)
    }

    /// Answers what waited for a call that is not open any more.
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

// What whoever runs the table may look at.
extension CallTable {
    /// How many calls are open.
    public var count: Int { calls.count }

    /// Whether a call is open here.
    public func holds(_ id: CallID) -> Bool { calls[id] != nil }

    /// The calls that nothing is under way for.
    public var settledCalls: [CallID] { calls.keys.filter { !unsettled.contains($0) }.sorted() }

    /// Whether a stored call can be taken up; not while an earlier picture of it is unsettled.
    public func mayAdopt(_ id: CallID) -> Bool { !unsettled.contains(id) }

    /// What a user who has just come may see of the open calls.
    public func openCalls(of user: UserID) -> [CallView] {
        (callsOfUser[user] ?? []).sorted().compactMap { id in
            guard let open = calls[id], open.storedRevision > 0, open.call.maySeeCall(user) else { return nil }
            return open.view
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
    var users: Set<UserID> {
        Set(participants.map(\.user)).union(joinRequests.map(\.origin.user))
    }

    /// Whether the call has to do with a user.
    func concerns(_ user: UserID) -> Bool {
        participant(user) != nil || joinRequests.contains { $0.origin.user == user }
    }
}

extension CallTable.OpenCall {
    var view: CallView { CallView(call: call, people: people) }

    var isSettled: Bool { if case .settled = commit { true } else { false } }

    /// When the call is looked at next: at its deadline, or sooner when something is owed to it.
    func nextLook(retryAt soon: Instant) -> Instant? {
        guard !owed.isEmpty, !call.isEnded else { return call.nextDeadline }
        return call.nextDeadline.map { min($0, soon) } ?? soon
    }
}

extension CallInput {
    /// Whether a client asked for it: what the server itself has to say to a call is never turned away.
    var isOfClient: Bool {
        switch self {
        case .invite, .command: true
        case .deviceLost, .deviceReturned, .membershipEnded, .deviceLoggedOut, .userLoggedOut, .ringingFeigned,
            .timePassed:
            false
        }
    }
}
