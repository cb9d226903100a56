import Primitives
import SignalingCore

/// The situations of the owner of calls: an input, the state of its call, and the result.
enum OwnerRow: Int, CaseIterable {
    case invitePlaces
    case inviteGoesToOpenCall
    case inviteOfFormer
    case inviteWithoutFormer
    case inviteRepeated
    case inviteWaits
    case inviteWaitedAndPlaces
    case commandCarriedOut
    case commandChangesNothingStored
    case commandWaitsForCommit
    case commandWaitsForLookUp
    case commandWaitsForRest
    case commandAfterWhatWasDue
    case commandOfTooMany
    case commandWithoutLease
    case commandToClosedCall
    case commandWaitedAndIsTooLate
    case joinOfFormer
    case addOfFormer
    case deviceReturns
    case deviceReturnsUnheard
    case deviceLost
    case deviceGone
    case devicesAskedFor
    case ringingFeigned
    case commitStored
    case commitUnavailable
    case commitUnavailableOfNew
    case commitUnknown
    case commitOvertaken
    case commitDuplicate
    case commitInvalid
    case commitWithoutLease
    case dueNotStored
    case foundStored
    case foundUndone
    case foundMissing
    case foundOfAnother
    case foundOvertaken
    case lookUpFailed
    case leaseGained
    case leaseRenewed
    case leaseGainedAnew
    case adoptedWithDevices
    case adoptedWithoutDevices
    case takenOver
    case takenOverUnderWay
    case superseded
    case membershipEnded
    case loggedOut
    case owedAgain
    case drainDue
    case rests
    case restedAndGoesOn
    case wakesForDeadline
    case wakesForUpdates
    case wakesForLookUp

    /// The row as readers of the owner's code know it.
    var title: String {
        switch self {
        case .invitePlaces: "invite · no open call → placed"
        case .inviteGoesToOpenCall: "invite · an open call → given to it"
        case .inviteOfFormer: "invite · the caller's membership has ended meanwhile → not_found"
        case .inviteWithoutFormer: "invite · a callee's membership has ended meanwhile → without that callee"
        case .inviteRepeated: "invite · its name or place is taken on disk → answered from there"
        case .inviteWaits: "invite · the open call's commit is under way → waits"
        case .inviteWaitedAndPlaces: "invite · waits, and the call ends → placed"
        case .commandCarriedOut: "command · changes what is stored → commit"
        case .commandChangesNothingStored: "command · changes nothing stored → answered at once"
        case .commandWaitsForCommit: "command · a commit is under way → waits"
        case .commandWaitsForLookUp: "command · a commit of unknown outcome → waits"
        case .commandWaitsForRest: "command · the call rests → waits"
        case .commandAfterWhatWasDue: "command · something was due → that first"
        case .commandOfTooMany: "command · too many wait → unavailable"
        case .commandWithoutLease: "command · no lease → unavailable"
        case .commandToClosedCall: "command · not open here → the archive answers"
        case .commandWaitedAndIsTooLate: "command · waits, and the call ends → the archive answers"
        case .joinOfFormer: "join · the membership has ended meanwhile → as a stranger"
        case .addOfFormer: "add · a callee's membership has ended meanwhile → as a guest"
        case .deviceReturns: "a device returns · in calls → given to each"
        case .deviceReturnsUnheard: "a device returns · its user must not hear of the call → seems to ring later"
        case .deviceLost: "a device is lost · in calls → given to each"
        case .deviceGone: "a device is gone · since its command was looked up → lost"
        case .devicesAskedFor: "devices · missed while nothing could be written → asked for"
        case .ringingFeigned: "a device would ring by now → given to the call"
        case .commitStored: "commit · stored → takes effect"
        case .commitUnavailable: "commit · unavailable → answered, tried again"
        case .commitUnavailableOfNew: "commit · unavailable, of a new call → answered, forgotten"
        case .commitUnknown: "commit · unknown → answered, looked up"
        case .commitOvertaken: "commit · overtaken → let go"
        case .commitDuplicate: "commit · duplicate, of a new call → forgotten"
        case .commitInvalid: "commit · invalid → failed"
        case .commitWithoutLease: "commit · no lease → nothing is written"
        case .dueNotStored: "commit · of what was due fails → the input that waits for it is given up"
        case .foundStored: "look-up · at the new revision → takes effect"
        case .foundUndone: "look-up · at the old revision → tried again"
        case .foundMissing: "look-up · no such call → forgotten"
        case .foundOfAnother: "look-up · of another owner → let go"
        case .foundOvertaken: "look-up · at a third revision → let go"
        case .lookUpFailed: "look-up · fails → again"
        case .leaseGained: "lease · the first → calls may be written"
        case .leaseRenewed: "lease · renewed in time → nothing"
        case .leaseGainedAnew: "lease · renewed after it had run out → what was due goes on"
        case .adoptedWithDevices: "adopted · devices are here → heard of, and greeted"
        case .adoptedWithoutDevices: "adopted · no device is here → opened"
        case .takenOver: "taken over · settled → let go"
        case .takenOverUnderWay: "taken over · inputs wait or a commit is under way → answered, let go"
        case .superseded: "superseded · open calls → forgotten"
        case .membershipEnded: "a membership ends · in calls → owed, given to each"
        case .loggedOut: "logged out · in calls → owed, given to each"
        case .owedAgain: "time · something is owed → tried again"
        case .drainDue: "go on · inputs wait → the first is given"
        case .rests: "an input · the call has worked long enough → rests"
        case .restedAndGoesOn: "rested · inputs wait → the first is given"
        case .wakesForDeadline: "time · a deadline → given to the call"
        case .wakesForUpdates: "time · somebody was kept waiting → told"
        case .wakesForLookUp: "time · a commit of unknown outcome → looked up"
        }
    }
}

extension World {
    /// Records which rows a step of a table covered.
    func note(
        _ input: CallTable.Input, _ before: Standing, _ steps: [CallTable.Step], _ server: ModelServer, from mark: Int
    ) {
        let outputs = server.outputs[mark...]
        let open = before.open
        switch input {
        case .invite(let invitation, let asked): note(invitation, asked, open, steps, outputs)
        case .command(let command, _, let asked): note(command, asked, before, steps, outputs)
        case .deviceReturned:
            if !steps.isEmpty { coverage.saw(.deviceReturns) }
            if outputs.contains(where: \.isFeignedRinging) { coverage.saw(.deviceReturnsUnheard) }
        case .deviceLost: if !steps.isEmpty { coverage.saw(.deviceLost) }
        case .deviceGone: coverage.saw(.deviceGone)
        case .devicesNow: coverage.saw(.devicesAskedFor)
        case .ringingFeigned: if open != nil { coverage.saw(.ringingFeigned) }
        case .committed(_, _, let outcome): note(outcome, open, steps, outputs)
        case .lookedUp(_, _, let found): note(found, open, outputs, server.lease.holder)
        case .lease(let lease):
            if lease.holder != nil {
                let gained = server.lastLease.holder == nil ? OwnerRow.leaseGained : .leaseGainedAnew
                coverage.saw(before.mayWrite ? .leaseRenewed : gained)
            }
            server.lastLease = lease
        case .adopted(_, lastSeen: _, let present):
            coverage.saw(present.isEmpty ? .adoptedWithoutDevices : .adoptedWithDevices)
        case .takenOver:
            if outputs.contains(where: \.isLetGo) { coverage.saw(.takenOver) }
            if outputs.contains(where: \.isAnswer) { coverage.saw(.takenOverUnderWay) }
        case .superseded: if !outputs.isEmpty { coverage.saw(.superseded) }
        case .membershipEnded: if !steps.isEmpty { coverage.saw(.membershipEnded) }
        case .loggedOut: if !steps.isEmpty { coverage.saw(.loggedOut) }
        case .drainDue: if !steps.isEmpty { coverage.saw(.drainDue) }
        case .rested: if !steps.isEmpty { coverage.saw(.restedAndGoesOn) }
        case .timePassed: noteTimePassed(steps, outputs)
        }
        for output in outputs {
            if case .rest = output { coverage.saw(.rests) }
        }
        noteUnwritten(steps, before, outputs)
    }

    private func note(
        _ invitation: Invitation, _ asked: CallTable.Asked, _ open: Standing.Open?, _ steps: [CallTable.Step],
        _ outputs: ArraySlice<CallTable.Output>
    ) {
        guard let open else {
            guard case .placed(let placed, _)? = steps.first else { return coverage.saw(.inviteOfFormer) }
            coverage.saw(.invitePlaces)
            if placed.callees.count < min(invitation.callees.count, schedule.rules.participantLimit - 1) {
                coverage.saw(.inviteWithoutFormer)
            }
            return
        }
        if !steps.isEmpty { coverage.saw(.inviteGoesToOpenCall) } else if !open.isSettled { coverage.saw(.inviteWaits) }
    }

    private func note(
        _ command: CallCommand, _ asked: CallTable.Asked, _ before: Standing, _ steps: [CallTable.Step],
        _ outputs: ArraySlice<CallTable.Output>
    ) {
        guard let open = before.open else { return coverage.saw(.commandToClosedCall) }
        let isAnswered = outputs.contains { $0.isAnswer(to: asked.replyTo) }
        guard case .handled(_, let given, let step)? = steps.first else {
            if !open.isSettled, isAnswered { return coverage.saw(.commandOfTooMany) }
            if open.isSettled, isAnswered, !before.mayWrite { return coverage.saw(.commandWithoutLease) }
            if open.isResting { return coverage.saw(.commandWaitsForRest) }
            if open.isSettled { return }
            return coverage.saw(open.isUncertain ? .commandWaitsForLookUp : .commandWaitsForCommit)
        }
        noteFormer(given, before: command)
        switch step {
        case .due: coverage.saw(.commandAfterWhatWasDue)
        case .done(let transition):
            coverage.saw(transition.changes.isEmpty ? .commandChangesNothingStored : .commandCarriedOut)
        }
    }

    private func noteFormer(_ given: CallInput, before command: CallCommand) {
        guard case .command(let given, from: _) = given, given != command else { return }
        if case .join = given { coverage.saw(.joinOfFormer) }
        if case .add = given { coverage.saw(.addOfFormer) }
    }

    private func note(
        _ outcome: CallTable.CommitOutcome, _ open: Standing.Open?, _ steps: [CallTable.Step],
        _ outputs: ArraySlice<CallTable.Output>
    ) {
        guard let open, !open.isSettled else { return }
        let isNew = open.storedRevision == 0
        switch outcome {
        case .stored:
            coverage.saw(.commitStored)
            for output in outputs {
                if case .answerFromArchive = output { coverage.saw(.commandWaitedAndIsTooLate) }
            }
            if steps.contains(where: \.isPlacing) { coverage.saw(.inviteWaitedAndPlaces) }
        case .unavailable: coverage.saw(isNew ? .commitUnavailableOfNew : .commitUnavailable)
        case .unknown: coverage.saw(.commitUnknown)
        case .overtaken: coverage.saw(.commitOvertaken)
        case .duplicate:
            coverage.saw(.commitDuplicate)
            for output in outputs {
                if case .answerRepeatedInvite = output { coverage.saw(.inviteRepeated) }
            }
        case .invalid: coverage.saw(.commitInvalid)
        }
        if outcome != .stored, !isNew, open.waitingCount > 0, open.isDueUnderWay { coverage.saw(.dueNotStored) }
    }

    private func note(
        _ found: CallTable.LookUp, _ open: Standing.Open?, _ outputs: ArraySlice<CallTable.Output>,
        _ holder: CallOwner?
    ) {
        guard let open, open.isUncertain else { return }
        let isLetGo = outputs.contains(where: \.isLetGo)
        switch found {
        case .failed: coverage.saw(.lookUpFailed)
        case .missing: coverage.saw(.foundMissing)
        case .found(let revision, let owner):
            if isLetGo {
                coverage.saw(owner == holder ? .foundOvertaken : .foundOfAnother)
            } else {
                coverage.saw(revision == open.storedRevision ? .foundUndone : .foundStored)
            }
        }
    }

    private func noteTimePassed(_ steps: [CallTable.Step], _ outputs: ArraySlice<CallTable.Output>) {
        for step in steps {
            guard case .handled(_, let given, _) = step else { continue }
            coverage.saw(given == .timePassed ? .wakesForDeadline : .owedAgain)
        }
        if steps.isEmpty {
            for output in outputs {
                if case .deliver = output { coverage.saw(.wakesForUpdates) }
                if case .lookUp = output { coverage.saw(.wakesForLookUp) }
            }
        }
    }

    /// A change to what is stored that can't be written.
    private func noteUnwritten(
        _ steps: [CallTable.Step], _ before: Standing, _ outputs: ArraySlice<CallTable.Output>
    ) {
        guard !before.mayWrite else { return }
        for step in steps {
            if case .handled(_, _, let step) = step, !step.transition.changes.isEmpty {
                coverage.saw(.commitWithoutLease)
            }
        }
    }
}

extension CallTable.Step {
    fileprivate var isPlacing: Bool { if case .placed = self { true } else { false } }
}

extension CallTable.Output {
    fileprivate var isFeignedRinging: Bool { if case .feignRinging = self { true } else { false } }
    fileprivate var isLetGo: Bool { if case .letGo = self { true } else { false } }

    /// Whether it answers somebody, from the table or from the archive.
    fileprivate var isAnswer: Bool {
        switch self {
        case .reply, .answerFromArchive, .answerRepeatedInvite: true
        default: false
        }
    }

    fileprivate func isAnswer(to asker: ReplyTo) -> Bool {
        switch self {
        case .reply(asker, _), .answerFromArchive(_, _, asker), .answerRepeatedInvite(by: _, as: _, asker): true
        default: false
        }
    }
}
