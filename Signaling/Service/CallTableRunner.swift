import Logging
import NIOCore
import Primitives
package import SignalingCore
package import Storage

/// Carries out the outputs of a shard's table of calls, and feeds the outcomes in. It decides nothing.
///
/// Confined to its event loop: every method must be called there.
final class CallTableRunner {
    private(set) var table: CallTable
    private let loop: any EventLoop
    private let dependencies: CallShard.Dependencies
    /// What to do, in order. Outputs that follow from an output's own input come after those that were there before.
    private var outputs: [CallTable.Output] = []
    private var isCarryingOut = false
    private var timer: (due: Instant, scheduled: Scheduled<Void>)?

    static func make(
        on loop: any EventLoop, _ dependencies: CallShard.Dependencies
    ) -> NIOLoopBoundBox<CallTableRunner> {
        NIOLoopBoundBox.makeBoxSendingValue(CallTableRunner(loop, dependencies), eventLoop: loop)
    }

    private init(_ loop: any EventLoop, _ dependencies: CallShard.Dependencies) {
        self.loop = loop
        self.dependencies = dependencies
        table = CallTable(rules: dependencies.rules)
    }

    // MARK: In

    func take(_ input: CallTable.Input) {
        table.handle(input, at: dependencies.now(), &outputs)
        guard !isCarryingOut else { return }
        isCarryingOut = true
        var next = 0
        while next < outputs.count {
            let output = outputs[next]
            next += 1
            carryOut(output)
        }
        outputs.removeAll(keepingCapacity: true)
        isCarryingOut = false
        dependencies.metrics.count(&table.tally)
        armTimer()
    }

    func takeLease() {
        take(.lease(dependencies.lease.value))
    }

    func adopt(_ stored: CallView, lastSeen: Instant) -> Bool {
        guard table.mayAdopt(stored.call.id) else { return false }
        let present = stored.call.participants.flatMap { participant in
            dependencies.presence.connectedDevices(of: participant.user).map {
                CallOrigin(user: participant.user, device: $0)
            }
        }
        take(.adopted(stored, lastSeen: lastSeen, present: present))
        return true
    }

    private func armTimer() {
        guard let due = table.nextWake else {
            timer?.scheduled.cancel()
            timer = nil
            return
        }
        if let timer, timer.due <= due { return }
        timer?.scheduled.cancel()
        let delay = max(.milliseconds(0), due - dependencies.now())
        let scheduled = loop.assumeIsolated().scheduleTask(in: .microseconds(delay.microseconds)) {
            self.timer = nil
            self.take(.timePassed)
        }
        timer = (due, scheduled)
    }

    // MARK: Out

    private func carryOut(_ output: CallTable.Output) {
        switch output {
        case .commit(let commit, let change, over: let revision, by: let owner): write(commit, change, revision, owner)
        case .foundStored(let change): Records(of: change, by: dependencies.recorders).recorded([])
        case .reply(let replyTo, let reply): dependencies.events.reply(reply, to: replyTo)
        case .deliver(let event, let view, let addresses): deliver(event, of: view, to: addresses)
        case .lookUp(let commit, let id): lookUp(commit, id)
        case .answerFromArchive(let command, let id, let replyTo): answerFromArchive(command, id, replyTo)
        case .answerRepeatedInvite(let caller, let name, let replyTo): answerRepeatedInvite(caller, name, replyTo)
        case .recheck(let origin, let id): if !isConnected(origin) { take(.deviceGone(origin, id)) }
        case .resync(let id, let origins):
            let present = origins.filter(isConnected)
            take(.devicesNow(id, present: present, gone: origins.filter { !present.contains($0) }))
        case .feignRinging(let user, let id): feignRinging(of: user, in: id)
        case .letGo(let id): announceStored(id)
        case .drain(let id): take(.drainDue(id))
        case .rest(let id):
            // Not by `execute`: a loop runs all submitted tasks before it handles its sockets again.
            loop.assumeIsolated().scheduleTask(in: .microseconds(TurnBudget.rest.microseconds)) {
                self.take(.rested(id))
            }
        case .opened(let id, let conversation):
            dependencies.metrics.open.add(1)
            dependencies.openCalls.opened(id, in: conversation)
        case .closed(let id, let connected):
            dependencies.metrics.open.add(-1)
            dependencies.openCalls.closed(id, connected: connected)
        case .connection(let user, let id, let isConnected):
            dependencies.openCalls.connection(of: user, to: id, isConnected: isConnected)
        }
    }

    private func write(
        _ commit: CallTable.CommitID, _ change: RecordedChange, _ revision: Int64, _ owner: CallOwner
    ) {
        let id = change.transition.call.id
        let records = Records(of: change, by: dependencies.recorders)
        let own = CallRows.steps(for: change.transition, storedRevision: revision, by: owner)
        let myself = NIOLoopBound(self, eventLoop: loop)
        dependencies.database.enqueue(WriteUnit(own + records.steps)) { result in
            myself.eventLoop.execute {
                if case .success(let results) = result { records.recorded(results.dropFirst(own.count)) }
                myself.value.noteFailure(of: id, result)
                myself.value.take(.committed(commit, id, CallTable.CommitOutcome(result)))
            }
        }
    }

    private func noteFailure(of id: CallID, _ result: Result<[StepResult], DatabaseError>) {
        guard case .failure(let error) = result else { return }
        dependencies.metrics.failedCommits.add()
        dependencies.logger.warning(
            "a call's transition was not committed", metadata: ["call": "\(id)", "error": "\(error)"])
    }

    /// Sending to many devices is most of a call's work.
    private func deliver(_ event: CallEvent, of view: CallView, to addresses: [Address]) {
        let began = dependencies.now()
        dependencies.events.deliver(event, of: view, to: addresses)
        table.noteWork(on: view.call.id, from: began, to: dependencies.now())
    }

    private func lookUp(_ commit: CallTable.CommitID, _ id: CallID) {
        let myself = NIOLoopBound(self, eventLoop: loop)
        let archive = dependencies.archive
        Task {
            let found: CallTable.LookUp
            do throws(DatabaseError) {
                let stored = try await archive.standing(of: id)
                found = stored.map { .found(revision: $0.revision, owner: $0.owner) } ?? .missing
            } catch {
                found = .failed
            }
            myself.eventLoop.execute { myself.value.take(.lookedUp(commit, id, found)) }
        }
    }

    private func answerFromArchive(_ command: CallCommand, _ id: CallID, _ replyTo: ReplyTo) {
        let (archive, events, metrics) = (dependencies.archive, dependencies.events, dependencies.metrics)
        let now = dependencies.now()
        Task {
            events.reply(await archive.answer(command, to: id, from: replyTo.origin, at: now, metrics), to: replyTo)
        }
    }

    private func answerRepeatedInvite(_ caller: UserID, _ name: RequestID, _ replyTo: ReplyTo) {
        let (archive, openCalls, events) = (dependencies.archive, dependencies.openCalls, dependencies.events)
        let myself = NIOLoopBound(self, eventLoop: loop)
        Task {
            guard let earlier = try? await archive.call(placedBy: caller, as: name) else {
                return events.reply(.unavailable, to: replyTo)
            }
            if earlier.call.isEnded { return events.reply(.done(earlier), to: replyTo) }
            // For an open call, only its owner knows enough.
            guard openCalls.conversation(of: earlier.call.id) != nil else {
                return events.reply(.unavailable, to: replyTo)
            }
            myself.eventLoop.execute {
                myself.value.take(.command(.fetch, earlier.call.id, CallTable.Asked(replyTo)))
            }
        }
    }

    private func feignRinging(of user: UserID, in id: CallID) {
        guard !dependencies.presence.connectedDevices(of: user).isEmpty else { return }
        let delay = TimeAmount.milliseconds(.random(in: Self.momentToRing))
        loop.assumeIsolated().scheduleTask(in: delay) { self.take(.ringingFeigned(user, id)) }
    }

    /// How long a device takes to be told of a call and report that it rings, in milliseconds.
    private static let momentToRing: ClosedRange<Int64> = 30...300

    /// Sends the stored state of a call that another node owns now to its people.
    private func announceStored(_ id: CallID) {
        dependencies.logger.warning("a call has another owner now", metadata: ["call": "\(id)"])
        let (archive, events, lease) = (dependencies.archive, dependencies.events, dependencies.lease)
        let myself = NIOLoopBound(self, eventLoop: loop)
        Task {
            guard let stored = try? await archive.call(id), let owner = try? await archive.standing(of: id)?.owner
            else { return }
            myself.eventLoop.execute {
                // It may be this node's again by now, or soon; then its people are told more than what was read.
                if myself.value.table.holds(id) || owner == lease.value.holder { return }
                events.deliver(.updated, of: stored, to: stored.everybody)
                events.deliver(.gone, of: stored, to: stored.removed)
            }
        }
    }

    private func isConnected(_ origin: CallOrigin) -> Bool {
        dependencies.presence.connectedDevices(of: origin.user).contains(origin.device)
    }
}

extension CallTable.CommitOutcome {
    /// Maps the result of a call's unit.
    package init(_ result: Result<[StepResult], DatabaseError>) {
        switch result {
        case .success: self = .stored
        case .failure(let error):
            switch error.code {
            case .unavailable: self = .unavailable
            case .outcomeUnknown: self = .unknown
            case .expectationFailed: self = .overtaken
            case .constraint: self = .duplicate
            case .invalid: self = .invalid
            }
        }
    }
}
