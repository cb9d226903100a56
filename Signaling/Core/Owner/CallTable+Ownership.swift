public import Primitives

// What happens to calls whose commit has an unknown outcome, and to those that come from or go to another node.
extension CallTable {
    // MARK: Uncertain outcomes

    /// Finds out whether a transition is on disk, by its revision.
    mutating func lookUp(_ id: CallID) {
        guard case .uncertain(let commit, isAsked: false)? = calls[id]?.commit else { return }
        set(.uncertain(commit, isAsked: true), of: id)
        outputs.append(.lookUp(commit.id, id))
    }

    mutating func lookedUp(_ commitID: CommitID, _ id: CallID, _ found: LookUp) {
        guard let open = calls[id], case .uncertain(let commit, isAsked: true) = open.commit, commit.id == commitID
        else {
            return
        }
        let revision: Int64?
        switch found {
        case .failed:
            set(.uncertain(commit, isAsked: false), of: id)
            return retrySoon(at: id)
        case .missing: revision = nil
        case .found(let stored, let owner):
            set(.settled, of: id)
            // This node must not continue another owner's call, whatever its revision.
            if owner != lease.holder { return letGo(of: id) }
            revision = stored
        }
        set(.settled, of: id)
        let transition = commit.change.transition
        switch revision {
        case transition.call.revision where revision != open.doubtfulRevision:
            calls[id]?.storedRevision = transition.call.revision
            outputs.append(.foundStored(commit.change))
            apply(transition, to: id, then: .nothing)
            // The device that asked was told to retry; it has to be told the result of its command, too.
            let people = open.people.filter { transition.call.concerns($0.key) }
            tellEverybody(CallView(call: transition.call, people: people))
            resyncDevices(of: id)
        case nil where open.storedRevision == 0: forget(id)
        case open.storedRevision:
            calls[id]?.doubtfulRevision = transition.call.revision
            retrySoon(at: id)
        // Somebody else has written it, or an earlier commit of this node did take effect.
        default: letGo(of: id)
        }
        drainLater(with: id)
    }

    // MARK: Gaining calls

    /// Adopts a call that this node has become the owner of.
    mutating func adopt(_ stored: CallView, lastSeen: Instant, present: [CallOrigin]) {
        let id = stored.call.id
        guard mayAdopt(id) else { return }
        // Another node owned it in the meantime, and nobody noticed.
        if calls[id] != nil { forget(id) }
        let call = stored.call.adopted(at: now, lastSeen: lastSeen)
        open(OpenCall(call: call, people: stored.people, storedRevision: call.revision))
        receive(Pending(.timePassed), for: id)
        // Nobody knows whether a ring that must not be heard was already reported as heard.
        for user in calls[id]?.call.unheardCallees ?? [] { outputs.append(.feignRinging(user, id)) }
        // Devices that connected to this node before it had the call: the call is told of them, and they of the call.
        let known = present.filter { call.maySeeCall($0.user) }
        for origin in known { receive(Pending(.deviceReturned(origin.user, origin.device)), for: id) }
        guard !present.isEmpty, let view = calls[id]?.view else { return }
        let users = Set(present.map { Address.user($0.user) })
        tell(of: view, among: users)
    }

    // MARK: Losing calls

    /// Lets go of every call, because a later process runs as this node. Commits in flight fail.
    mutating func letGoOfAll() {
        for id in settledCalls {
            tally.letGo += 1
            forget(id)
        }
    }

    /// Lets go of a call that another node now owns. Its people are told its state.
    mutating func letGo(of id: CallID) {
        tally.letGo += 1
        forget(id)
        outputs.append(.letGo(id))
    }

    /// Tells those of its people who are among these users of a call that another node may have changed.
    private mutating func tell(of view: CallView, among users: Set<Address>) {
        let (everybody, removed) = (view.everybody.filter(users.contains), view.removed.filter(users.contains))
        if !everybody.isEmpty { outputs.append(.deliver(.updated, view, everybody)) }
        if !removed.isEmpty { outputs.append(.deliver(.gone, view, removed)) }
    }

    private mutating func tellEverybody(_ view: CallView) {
        outputs.append(.deliver(.updated, view, view.everybody))
    }

    // MARK: The lease

    /// Calls that wait for the right to write continue once they have it.
    mutating func leaseChanged(to lease: Lease) {
        let hadRunOut = self.lease.owner(at: now) == nil
        self.lease = lease
        guard hadRunOut, lease.owner(at: now) != nil else { return }
        for (id, open) in calls {
            if case .uncertain = open.commit { continue }
            deadlines.set(id, open.nextLook(retryAt: now))
        }
        timePassed()
    }
}

extension CallView {
    /// The addresses of all users who may see the call.
    public var everybody: [Address] {
        call.participants.filter(\.maySeeCall).map { .user($0.user) }
    }

    /// The addresses of users who may not see the call any more. When another node has removed them, this node has not
    /// told them, and their devices may still ring.
    public var removed: [Address] {
        call.participants.filter { !$0.isHidden && !$0.maySeeCall }.map { .user($0.user) }
    }
}
