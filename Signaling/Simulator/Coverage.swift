/// The rows of the tables of the call machine, and of its rules for screen sharing and the relay.
///
/// The reference names the row that it follows at each step; a run reports which rows it covered.
enum TableRow: Int, CaseIterable {
    // The call.
    case invite
    case inviteRepeated
    case inviteGlare
    case inviteMoves
    case inviteBusy
    case initiatedAccepted
    case initiatedDeclinedBySome
    case initiatedDeclinedByAll
    case initiatedBusyForAll
    case initiatedNotAnswered
    case initiatedCancelled
    case initiatedCallerLost
    case initiatedCalleeLost
    case initiatedRestartedInTime
    case initiatedRestartedLate
    case ongoingHungUp
    case ongoingDisconnected
    case ongoingMediaFailed
    case ongoingMaxDuration
    case ongoingRestartedAndResumed
    case ongoingRestartedInVain
    case endedAccept
    case endedHangUp
    case endedSignal

    // A participant.
    case ringingAccepts
    case ringingAlerts
    case ringingDeclines
    case ringingBusyOnAll
    case ringingBusyOnSome
    case ringingTimesOut
    case ringingCancelled
    case ringingCallEnds
    case ringingDeviceReturns
    case connectedAcceptsElsewhere
    case connectedDeclinesLate
    case connectedHangsUpElsewhere
    case connectedMoves
    case connectedSaysMedia
    case connectedHangsUp
    case connectedGraceRunsOut
    case connectedMediaFails
    case connectedCallEnds
    case connectedResumes
    case connectedLostIsAnswered

    // Screen sharing.
    case shareStarts
    case shareRefused
    case shareStopped
    case shareLeft
    case shareDisconnected
    case shareReplaced
    case shareMoved
    case shareCallEnded
    case shareServerRestarted

    // Commands and signals.
    case commandRepeated
    case commandOfAStranger
    case signalPassed
    case signalKeptForRinging
    case signalKeptForLost
    case signalsHandedOverAtAccept
    case signalsHandedOverAtReturn
    case signalOutdated
    case signalRefused
    case mailboxFull

    // Group calls.
    case inviteGroup
    case inviteHidden
    case directGrows
    case ongoingAdds
    case ongoingAddedStopsRinging
    case ongoingLeft
    case ongoingAlone
    case ongoingEmpty
    case emptyJoined
    case ongoingEndedByHost
    case endedJoin
    case endedControl
    case join
    case joinOfStranger
    case joinLocked
    case joinFull
    case joinRung
    case joinHidden
    case joinElsewhere
    case joinBarred
    case leftJoinsAgain
    case leftRungAgain
    case leftRungTooSoon
    case leftBarred
    case barredAdded
    case barredAddedByHost
    case addToLocked
    case addToFull
    case ringingExtended
    case ringingExtendedTwice
    case ringingRemoved
    case connectedRemoved
    case connectedKicked
    case connectedHolds
    case connectedRaisesHand
    case handLowered
    case handOfAnother
    case commandOfAHidden
    case commandOfOneSentOut
    case hiddenSeemsToRing
    case hiddenRungByAnother
    case ringingRungOnceMore
    case inviteRingsUnanswered
    case ringingExpelled
    case connectedExpelled
    case membershipEnded
    case deviceLoggedOut

    // Hosts.
    case hostIsCoHost
    case hostIsLongest
    case hostGiven
    case roleGiven
    case coHostMayNot
    case controlOfNoHost
    case controlNotThere
    case mediaStopped
    case mediaStoppedForAll
    case locked
    case unlocked
    case unlockedFull
    case joinRequestAdmitted
    case joinRequestDenied
    case joinRequestWithdrawn
    case joinRequestOfAFormerWithdrawn
    case joinRequestDeviceLost
    case joinRequestCallEnds

    // More of sharing and of signals.
    case shareKicked
    case shareTaken
    case shareBeside
    case offerAnswered
    case offerUnanswered

    /// The row as readers of the tables know it.
    var title: String {
        switch self {
        case .invite: "– · invite → initiated"
        case .inviteRepeated: "– · invite with the same client_call_id → the existing call"
        case .inviteGlare: "– · invite, the reverse call is initiated → ongoing"
        case .inviteMoves: "– · invite, the pair has an ongoing call → the same call, moved"
        case .inviteBusy: "– · invite, the callee is busy → missed, busy"
        case .initiatedAccepted: "initiated · accept → ongoing"
        case .initiatedDeclinedBySome: "initiated · decline, others still ring → initiated"
        case .initiatedDeclinedByAll: "initiated · all declined → missed, declined"
        case .initiatedBusyForAll: "initiated · all busy → missed, busy"
        case .initiatedNotAnswered: "initiated · ring deadline → missed, no_answer"
        case .initiatedCancelled: "initiated · the caller hangs up → missed, cancelled"
        case .initiatedCallerLost: "initiated · the caller is lost too long → missed, caller_disconnected"
        case .initiatedCalleeLost: "initiated · a callee's socket is lost → initiated"
        case .initiatedRestartedInTime: "initiated · restart, deadline ahead → initiated"
        case .initiatedRestartedLate: "initiated · restart, deadline behind → missed, at the deadline"
        case .ongoingHungUp: "ongoing · leave → completed, hangup"
        case .ongoingDisconnected: "ongoing · grace ran out → completed, disconnected"
        case .ongoingMediaFailed: "ongoing · media failed → completed, ice_failed"
        case .ongoingMaxDuration: "ongoing · maximum duration → completed, max_duration"
        case .ongoingRestartedAndResumed: "ongoing · restart, somebody comes back → ongoing"
        case .ongoingRestartedInVain: "ongoing · restart, nobody comes back → completed, server_restart"
        case .endedAccept: "ended · accept, move, share → call_ended"
        case .endedHangUp: "ended · hang up, decline, cancel → ok, nothing"
        case .endedSignal: "ended · signal → dropped"
        case .ringingAccepts: "ringing · first accept → connected"
        case .ringingAlerts: "ringing · a device rings → alerted"
        case .ringingDeclines: "ringing · decline → declined, declined"
        case .ringingBusyOnAll: "ringing · busy on all devices → declined, busy"
        case .ringingBusyOnSome: "ringing · busy on some devices → ringing"
        case .ringingTimesOut: "ringing · deadline → left, no_answer"
        case .ringingCancelled: "ringing · cancelled → left, cancelled"
        case .ringingCallEnds: "ringing · the call ends → left, call_ended"
        case .ringingDeviceReturns: "ringing · a device comes → it rings"
        case .connectedAcceptsElsewhere: "connected · accept on another device → answered_elsewhere"
        case .connectedDeclinesLate: "connected · late decline → ignored"
        case .connectedHangsUpElsewhere: "connected · hang up on another device → ignored"
        case .connectedMoves: "connected · move → connected, the old device is told"
        case .connectedSaysMedia: "connected · media → shown"
        case .connectedHangsUp: "connected · hang up → left, hangup"
        case .connectedGraceRunsOut: "connected · grace ran out → left, disconnected"
        case .connectedMediaFails: "connected · media failed → left, ice_failed"
        case .connectedCallEnds: "connected · the call ends → left, call_ended"
        case .connectedResumes: "connected · lost, back within the grace → connected"
        case .connectedLostIsAnswered: "connected · lost while it rings, then answered → the grace of a running call"
        case .shareStarts: "share · start → open"
        case .shareRefused: "share · start, not in a running call → wrong_state"
        case .shareStopped: "share · stop → closed, stopped"
        case .shareLeft: "share · leave → closed, left"
        case .shareDisconnected: "share · grace ran out → closed, disconnected"
        case .shareReplaced: "share · another one starts → closed, replaced"
        case .shareMoved: "share · move to another device → closed, stopped"
        case .shareCallEnded: "share · call ends → closed, call_ended"
        case .shareServerRestarted: "share · restart, nobody comes back → closed, server_restart"
        case .commandRepeated: "command · repeat → ok, nothing"
        case .commandOfAStranger: "command · of a stranger → not_found"
        case .signalPassed: "signal · both in the call → passed on"
        case .signalKeptForRinging: "signal · the other rings → kept"
        case .signalKeptForLost: "signal · the other is lost → kept"
        case .signalsHandedOverAtAccept: "signal · accept → handed over in order"
        case .signalsHandedOverAtReturn: "signal · the device returns → handed over in order"
        case .signalOutdated: "signal · of an earlier generation → dropped"
        case .signalRefused: "signal · not of the active device, or to nobody in the call → refused"
        case .mailboxFull: "signal · too many wait → mailbox_full"
        case .inviteGroup: "– · invite to a group → initiated"
        case .inviteHidden: "– · invite, the callee must not hear of it → initiated, never delivered"
        case .directGrows: "ongoing · add in a direct call → ongoing, a group call"
        case .ongoingAdds: "ongoing · add → that participant rings"
        case .ongoingAddedStopsRinging: "ongoing · decline or time-out of an added user → that participant only"
        case .ongoingLeft: "ongoing group · leave → ongoing"
        case .ongoingAlone: "ongoing group · alone too long → completed, alone"
        case .ongoingEmpty: "ongoing group · empty too long → completed, empty"
        case .emptyJoined: "ongoing group · empty, then a join → ongoing"
        case .ongoingEndedByHost: "ongoing · ended by the host → completed, ended_by_host"
        case .endedJoin: "ended · join → call_ended"
        case .endedControl: "ended · a host control → call_ended"
        case .join: "– · join → connected"
        case .joinOfStranger: "– · join of one who is no member → not_found"
        case .joinLocked: "– · join of a locked call → asks to be let in"
        case .joinFull: "– · join of a full call → call_full"
        case .joinRung: "ringing · join → connected"
        case .joinHidden: "ringing, hidden · join → connected"
        case .joinElsewhere: "connected · join on another device → answered_elsewhere"
        case .joinBarred: "left, barred · join → forbidden"
        case .leftJoinsAgain: "left, declined · join → connected"
        case .leftRungAgain: "left, declined · rung again → ringing"
        case .leftRungTooSoon: "left, declined · rung again too soon → rung_just_now"
        case .leftBarred: "left, declined · barred → left, kicked"
        case .barredAdded: "left, barred · added by no host → forbidden"
        case .barredAddedByHost: "left, barred · added by a host → ringing"
        case .addToLocked: "locked · add by no host → forbidden"
        case .addToFull: "full · add → call_full"
        case .ringingExtended: "ringing · woken by a push → the deadline is later, once"
        case .ringingExtendedTwice: "ringing · woken by a push once more → the deadline stays"
        case .ringingRemoved: "ringing · removed → left, removed or kicked"
        case .connectedRemoved: "connected · removed → left, removed"
        case .connectedKicked: "connected · barred → left, kicked"
        case .connectedHolds: "connected · hold → shown"
        case .connectedRaisesHand: "connected · raise a hand → shown"
        case .handLowered: "connected · a host lowers the hand → shown"
        case .handOfAnother: "connected · the hand of another, by no host → forbidden"
        case .commandOfAHidden: "hidden · any command → not_found"
        case .commandOfOneSentOut: "barred, or no member any more · any command → not_found"
        case .hiddenRungByAnother: "ringing, hidden · rung by one who is welcome → ringing, with a deadline of its own"
        case .ringingRungOnceMore: "ringing · rung by another → the deadline is later, up to two rings"
        case .inviteRingsUnanswered: "left, no_answer · invite in an ongoing group call → ringing"
        case .ringingExpelled: "ringing · no member any more, or logged out everywhere → left, removed"
        case .connectedExpelled: "connected · no member any more, or logged out everywhere → left, removed"
        case .membershipEnded: "any · no member any more → no coming back but as a member or by being rung"
        case .deviceLoggedOut: "connected · the device is logged out → left, removed"
        case .hiddenSeemsToRing: "ringing, hidden · a device would ring by now → alerted, to the others"
        case .hostIsCoHost: "host · leaves → a co-host is host"
        case .hostIsLongest: "host · leaves, there is no co-host → the one who is in it longest is host"
        case .hostGiven: "host · makes somebody else host → is co-host"
        case .roleGiven: "host · gives a role → stored"
        case .coHostMayNot: "co-host · gives a role, ends for all, acts against the host → forbidden"
        case .controlOfNoHost: "participant · a host control → forbidden"
        case .controlNotThere: "host control · in a direct call, or not with the active device → wrong_state"
        case .mediaStopped: "host · stops the media of one → told"
        case .mediaStoppedForAll: "host · stops the media of all → told"
        case .locked: "host · locks → locked"
        case .unlocked: "host · unlocks → those who asked are let in"
        case .unlockedFull: "host · unlocks a full call → those who asked are turned away"
        case .joinRequestAdmitted: "asks to be let in · admitted → connected"
        case .joinRequestDenied: "asks to be let in · turned away → told"
        case .joinRequestWithdrawn: "asks to be let in · hangs up → withdrawn"
        case .joinRequestOfAFormerWithdrawn: "left, asks to be let in · hangs up → withdrawn"
        case .joinRequestDeviceLost: "asks to be let in · the device is lost → withdrawn"
        case .joinRequestCallEnds: "asks to be let in · the call ends → told"
        case .shareKicked: "share · removed → closed, kicked"
        case .shareTaken: "share · another one shares, a newcomer is refused → screen_taken"
        case .shareBeside: "share · another one shares, many may → open"
        case .offerAnswered: "offer · answered → nothing is due"
        case .offerUnanswered: "offer · not answered in time → its sender is told"
        }
    }
}

/// How often each row of the tables was followed, and each row of the owner covered.
struct Coverage {
    private(set) var counts = [Int](repeating: 0, count: TableRow.allCases.count)
    private(set) var ownerCounts = [Int](repeating: 0, count: OwnerRow.allCases.count)

    mutating func note(_ row: TableRow) {
        counts[row.rawValue] += 1
    }

    mutating func saw(_ row: OwnerRow) {
        ownerCounts[row.rawValue] += 1
    }

    mutating func add(_ other: Coverage) {
        for index in counts.indices { counts[index] += other.counts[index] }
        for index in ownerCounts.indices { ownerCounts[index] += other.ownerCounts[index] }
    }

    /// Each row and how often it was followed.
    var lines: [String] {
        TableRow.allCases.map { "  \(counts[$0.rawValue])\t\($0.title)" }
            + OwnerRow.allCases.map { "  \(ownerCounts[$0.rawValue])\t\($0.title)" }
    }

    /// The rows of the tables that were never followed.
    var missing: [TableRow] {
        TableRow.allCases.filter { counts[$0.rawValue] == 0 }
    }

    /// Whether every row was seen.
    var isComplete: Bool { missing.isEmpty && missingOfOwner.isEmpty }

    /// The rows of the owner that were never covered.
    var missingOfOwner: [OwnerRow] {
        OwnerRow.allCases.filter { ownerCounts[$0.rawValue] == 0 }
    }
}
