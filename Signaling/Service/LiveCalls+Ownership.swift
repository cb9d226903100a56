import Logging
import NIOCore
import Primitives
import SignalingCore
import Storage

// What happens to calls whose commit nobody can vouch for, and to those that another node has taken over.
extension LiveCalls {
    // MARK: Uncertain outcomes

    /// Finds out whether a transition is on disk: its revision tells.
    func lookUp(_ id: CallID) {
        guard case .uncertain(var uncertainty) = calls[id]?.standing, !uncertainty.isBeingLookedUp else { return }
        uncertainty.isBeingLookedUp = true
        calls[id]?.standing = .uncertain(uncertainty)
        let myself = NIOLoopBound(self, eventLoop: loop)
        let archive = surroundings.archive
        Task {
            let stored: Result<(revision: Int64, owner: CallOwner?)?, DatabaseError>
            do throws(DatabaseError) {
                stored = .success(try await archive.standing(of: id))
            } catch {
                stored = .failure(error)
            }
            myself.eventLoop.execute { myself.value.lookedUp(id, stored) }
        }
    }

    func lookedUp(_ id: CallID, _ result: Result<(revision: Int64, owner: CallOwner?)?, DatabaseError>) {
        guard let live = calls[id], case .uncertain(let uncertainty) = live.standing else { return }
        let transition = uncertainty.transition
        guard case .success(let stored) = result else {
            calls[id]?.standing = .uncertain(Uncertainty(transition: transition))
            return lookAgainSoon(at: live.call)
        }
        calls[id]?.standing = .settled
        // Another owner's call is not this node's to go on with, whatever its revision.
        if let stored, stored.owner != surroundings.lease.renewable { return letGo(of: id) }
        switch stored?.revision {
        case transition.call.revision:
            calls[id]?.storedRevision = transition.call.revision
            Records(of: change(transition, on: live), by: surroundings.recorders).recorded([])
            apply(transition, for: nil) { _ in }
            // The device that asked was told to come back; it has to learn what became of its command, too.
            tellEverybody(CallView(call: transition.call, people: live.people))
            hearOfDevicesAgain(in: id)
        case nil where live.storedRevision == 0: forget(id)
        case live.storedRevision: lookAgainSoon(at: live.call)
        default: letGo(of: id)
        }
        goOn(with: id)
    }

    // MARK: Losing calls

    /// The calls that nothing is under way for.
    var settledCalls: [CallID] {
        calls.compactMap { id, live in if case .settled = live.standing { id } else { nil } }
    }

    /// Lets go of calls that other nodes have taken over.
    func letGo(of ids: [CallID]) {
        for id in ids where calls[id] != nil { letGo(of: id) }
    }

    /// Lets go of every call, because a later process runs as this node. What is on its way to disk fails there.
    func letGoOfAll() {
        for id in settledCalls {
            surroundings.metrics.letGo.add()
            forget(id)
        }
    }

    /// Calls may be written again: those that wait for it go on.
    func leaseReturned() {
        for (id, live) in calls {
            if case .uncertain = live.standing { continue }
            deadlines.set(id, live.nextLook(retryAt: surroundings.now()))
        }
        timer?.scheduled.cancel()
        timeHasCome()
    }

    /// Gives up a call that another node has taken over: it is that node's now. Its people learn how it stands.
    func letGo(of id: CallID) {
        surroundings.logger.warning("a call has another owner now", metadata: ["call": "\(id)"])
        surroundings.metrics.letGo.add()
        forget(id)
        let myself = NIOLoopBound(self, eventLoop: loop)
        let archive = surroundings.archive
        Task {
            guard let stored = try? await archive.call(id) else { return }
            myself.eventLoop.execute { myself.value.tellEverybody(stored) }
        }
    }

    func tellEverybody(_ view: CallView) {
        let people = view.call.participants.filter(\.maySeeCall)
        surroundings.events.deliver(.updated, of: view, to: people.map { .user($0.user) })
    }
}
