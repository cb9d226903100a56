import Primitives
import SignalingCore

/// The rows of calls as in the schema (migration 003), with its constraints. They survive a crash of the server.
struct ModelDatabase {
    struct StoredCall {
        let id: CallID
        let conversation: ConversationID
        let initiator: UserID
        let clientCallID: RequestID
        var mode: Call.Mode
        /// Whether it was placed as a direct call and is a group call now.
        var hasGrown = false
        let type: Call.MediaType
        let startedAt: Instant
        var ringExpiresAt: Instant
        var isLocked: Bool
        var phase: Call.Phase
        var revision: Int64
        var owner: CallOwner
        var participants: [Participant.Record]
        var shares: [StoredShare] = []
        /// Whether a write took effect after a look-up had missed it, or its owner adopted it again.
        var isOutOfSight = false { didSet { if isOutOfSight { wasOutOfSight = true } } }
        private(set) var wasOutOfSight = false
        /// The expected contents, for comparison.
        var reference: Reference
    }

    /// A row of `screen_share_logs`.
    struct StoredShare: Equatable {
        let sharer: UserID
        let startedAt: Instant
        var endedAt: Instant?
        var reason: Call.ShareEndReason?
    }

    /// Why a unit is not carried out.
    enum Refusal: Error, Equatable {
        /// A unique index has the key already.
        case constraint(String)
        /// An update did not find its row in the expected state.
        case expectation(String)
    }

    /// A row of `nodes`.
    struct Node {
        let id: NodeID
        var epoch: Int64
        var renewedAt: Instant
        var expiresAt: Instant
    }

    private(set) var calls: [StoredCall] = []
    /// Each call as it was before its latest write.
    private var earlier: [StoredCall?] = []
    private(set) var nodes: [Node] = []
    /// A real database to which everything is also written; nil in most schedules.
    private var rows: StoredRows?
    /// The first result that was different there.
    private(set) var difference: String?

    func call(_ id: CallID) -> StoredCall? {
        index(of: id).map { calls[$0] }
    }

    func call(placedBy initiator: UserID, as name: RequestID) -> StoredCall? {
        index(ofPlacedBy: initiator, as: name).map { calls[$0] }
    }

    /// The index of a call: what is large is read in place.
    func index(of id: CallID) -> Int? {
        for index in calls.indices where calls[index].id == id { return index }
        return nil
    }

    private func index(ofPlacedBy initiator: UserID, as name: RequestID) -> Int? {
        for index in calls.indices where calls[index].initiator == initiator && calls[index].clientCallID == name {
            return index
        }
        return nil
    }

    /// Whether a call was ever changed by an unexpected late write.
    func wasOutOfSight(_ id: CallID) -> Bool {
        index(of: id).map { calls[$0].wasOutOfSight } ?? false
    }

    /// Whether a call is stored in this state, or was until somebody changed it.
    func holds(_ call: Call) -> Bool {
        guard let index = index(of: call.id) else { return false }
        if calls[index].holds(call) { return true }
        return (call.revision < calls[index].revision || calls[index].isOutOfSight)
            && (earlier[index]?.holds(call) ?? false)
    }

    // MARK: The real rows

    /// From here on, also writes everything to a real database and compares.
    mutating func compare(with rows: StoredRows?) {
        self.rows = rows
        note(rows?.begin() ?? (rows == nil ? "there is no database to compare with" : nil))
    }

    private mutating func note(_ difference: String?) {
        if self.difference == nil { self.difference = difference }
    }

    /// Compares which calls an owner may take over.
    mutating func compareCallsToAdopt(by owner: CallOwner, at now: Instant) {
        note(rows?.callsToAdopt(by: owner, at: now, differFrom: calls.filter { mayAdopt($0, owner, at: now) }))
    }

    /// Compares what an owner reads of its open calls.
    mutating func compareOpenCalls(of owner: CallOwner) {
        note(rows?.openCalls(of: owner, differFrom: calls.filter { $0.isOpen && $0.owner == owner }))
    }

    // MARK: Owners

    /// Begins a node's next epoch. A new node's epoch is above those of all others.
    mutating func takeLease(_ node: NodeID, at now: Instant, until: Instant) -> CallOwner {
        let owner = beginEpoch(of: node, at: now, until: until)
        note(rows?.takeLease(node, at: now, until: until, expecting: owner))
        return owner
    }

    private mutating func beginEpoch(of node: NodeID, at now: Instant, until: Instant) -> CallOwner {
        if let index = nodes.firstIndex(where: { $0.id == node }) {
            nodes[index].epoch += 1
            nodes[index].renewedAt = now
            nodes[index].expiresAt = until
            return CallOwner(node: node, epoch: nodes[index].epoch)
        }
        let epoch = (nodes.map(\.epoch).max() ?? 0) + 1
        nodes.append(Node(id: node, epoch: epoch, renewedAt: now, expiresAt: until))
        return CallOwner(node: node, epoch: epoch)
    }

    /// Extends a lease.
    ///
    /// - Returns: False when a later epoch of the node has begun.
    mutating func renewLease(of owner: CallOwner, at now: Instant, until: Instant) -> Bool {
        let index = nodes.firstIndex { $0.id == owner.node && $0.epoch == owner.epoch }
        note(rows?.renewLease(of: owner, at: now, until: until, expecting: index != nil))
        guard let index else { return false }
        nodes[index].renewedAt = now
        nodes[index].expiresAt = until
        return true
    }

    func node(_ id: NodeID) -> Node? {
        nodes.first { $0.id == id }
    }

    /// Whether an owner may take an open call over: it is of an earlier epoch of its own node, or of a node whose lease
    /// has expired.
    func mayAdopt(_ stored: StoredCall, _ owner: CallOwner, at now: Instant) -> Bool {
        guard stored.isOpen else { return false }
        if stored.owner.node == owner.node { return stored.owner.epoch < owner.epoch }
        return node(stored.owner.node).map { $0.expiresAt <= now } ?? true
    }

    /// Gives a call another owner, or lets its owner adopt it again. Its revision goes far beyond any that the previous
    /// owner may have sent.
    mutating func adopt(_ id: CallID, by owner: CallOwner, at now: Instant) {
        guard let index = index(of: id) else { return }
        let before = calls[index]
        defer { note(rows?.adopt(before, by: owner, at: now, expecting: .stored, calls[index])) }
        calls[index].isOutOfSight = calls[index].owner == owner
        calls[index].owner = owner
        calls[index].revision = (calls[index].revision >> 32 + 1) << 32
    }

    /// Records that a write of a call took effect unexpectedly late.
    mutating func forgetSilently(of id: CallID) {
        guard let index = index(of: id) else { return }
        calls[index].isOutOfSight = true
    }

    // MARK: Changes

    /// Carries out a transition's changes, all or none.
    mutating func carryOut(
        _ transition: CallTransition, storedRevision: Int64, by owner: CallOwner, reference: Reference
    ) throws(Refusal) {
        var outcome = CallTable.CommitOutcome.stored
        defer {
            note(
                rows?.carryOut(
                    transition, storedRevision: storedRevision, by: owner, expecting: outcome,
                    call(transition.call.id)))
        }
        do throws(Refusal) {
            try change(by: transition, storedRevision: storedRevision, by: owner, reference: reference)
        } catch {
            outcome = if case .constraint = error { .duplicate } else { .overtaken }
            throw error
        }
    }

    private mutating func change(
        by transition: CallTransition, storedRevision: Int64, by owner: CallOwner, reference: Reference
    ) throws(Refusal) {
        let call = transition.call
        var stored: StoredCall
        let index = index(of: call.id)
        if transition.changes.first == .insertCall {
            guard node(owner.node)?.epoch == owner.epoch else { throw .expectation("nodes.epoch") }
            guard index == nil, self.index(ofPlacedBy: call.initiator, as: call.clientCallID) == nil else {
                throw .constraint("calls_initiator_id_client_call_id_key")
            }
            stored = StoredCall(
                id: call.id, conversation: call.conversation, initiator: call.initiator,
                clientCallID: call.clientCallID, mode: call.mode, type: call.type, startedAt: call.startedAt,
                ringExpiresAt: call.ringExpiresAt, isLocked: call.isLocked, phase: call.phase, revision: call.revision,
                owner: owner, participants: [], reference: reference)
        } else {
            guard let index, calls[index].owner == owner else { throw .expectation("calls.owner") }
            guard calls[index].revision == storedRevision else { throw .expectation("calls.revision") }
            stored = calls[index]
        }
        for change in transition.changes {
            switch change {
            case .insertCall: break
            case .updateCall:
                stored.phase = call.phase
                if stored.mode != call.mode { stored.hasGrown = true }
                stored.mode = call.mode
                stored.ringExpiresAt = call.ringExpiresAt
                stored.isLocked = call.isLocked
                stored.revision = call.revision
            case .putParticipant(let participant): stored.put(participant)
            case .openShare(let share): try stored.open(share)
            case .closeShare(let sharer, let at, let reason): try stored.close(sharer, at, reason)
            }
        }
        stored.reference = reference
        if stored.isOpen, !stored.hasGrown {
            for other in calls.indices where other != index && calls[other].hasOpenKey(of: stored) {
                throw .constraint("calls_open_key")
            }
        }
        if let index {
            earlier[index] = calls[index]
            calls[index] = stored
        } else {
            earlier.append(nil)
            calls.append(stored)
        }
    }
}

extension ModelDatabase.StoredCall {
    var isOpen: Bool {
        switch phase {
        case .initiated, .ongoing: true
        case .completed, .missed: false
        }
    }

    /// Whether this call is open in the same place as another one.
    fileprivate func hasOpenKey(of other: ModelDatabase.StoredCall) -> Bool {
        isOpen && !hasGrown && mode == other.mode && conversation == other.conversation
    }

    /// Whether a user may see the call among the open ones, or be told that it is over.
    func isShown(to user: UserID) -> Bool {
        participants.contains { $0.user == user && $0.participant?.maySeeCall == true }
    }

    fileprivate mutating func put(_ participant: Participant) {
        let row = participant.record
        if let index = participants.firstIndex(where: { $0.user == row.user }) {
            participants[index] = row
        } else {
            participants.append(row)
        }
    }

    fileprivate mutating func open(_ share: Call.ScreenShare) throws(ModelDatabase.Refusal) {
        guard !shares.contains(where: { $0.sharer == share.sharer && $0.endedAt == nil }) else {
            throw .constraint("screen_share_logs_open_key")
        }
        shares.append(.init(sharer: share.sharer, startedAt: share.startedAt))
    }

    fileprivate mutating func close(
        _ sharer: UserID, _ at: Instant, _ reason: Call.ShareEndReason
    ) throws(ModelDatabase.Refusal) {
        guard let index = shares.firstIndex(where: { $0.sharer == sharer && $0.endedAt == nil }) else {
            throw .expectation("screen_share_logs")
        }
        shares[index].endedAt = at
        shares[index].reason = reason
    }

    /// The call from these rows, as a server reads it.
    func call(rules: CallRules) -> Call {
        Call(
            id: id, conversation: conversation, mode: mode, initiator: initiator, clientCallID: clientCallID,
            type: type, startedAt: startedAt, ringExpiresAt: ringExpiresAt, rules: rules, storedPhase: phase,
            storedParticipants: participants.compactMap(\.participant),
            openShares: shares.filter { $0.endedAt == nil }.map {
                Call.ScreenShare(storedSharer: $0.sharer, startedAt: $0.startedAt)
            }, isLocked: isLocked, revision: revision)
    }

    /// The call, and the profiles of the people in it.
    func view(rules: CallRules) -> CallView {
        CallView(call: call(rules: rules), people: World.profiles(of: participants.map(\.user)))
    }

    /// Whether these rows are what would be written for a call.
    func holds(_ call: Call) -> Bool {
        guard phase == call.phase, mode == call.mode, isLocked == call.isLocked,
            ringExpiresAt == call.ringExpiresAt, participants.count == call.participants.count
        else { return false }
        for (row, participant) in zip(participants, call.participants)
        where row != participant.record {
            return false
        }
        var open = 0
        for share in shares where share.endedAt == nil {
            open += 1
            guard call.screenShares.contains(where: { $0.sharer == share.sharer && $0.startedAt == share.startedAt })
            else { return false }
        }
        return open == call.screenShares.count
    }
}
