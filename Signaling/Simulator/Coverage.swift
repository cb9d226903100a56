/// The rows of the tables of the call machine, and of what is said of screen sharing and the relay beside them.
///
/// The reference names the row that it follows at each step; a run says which rows it saw.
enum TableRow: Int, CaseIterable {
    // The call.
    case invite
    case inviteRepeated
    case inviteGlare
    case inviteMoves
    case inviteBusy
    case initiatedAccepted
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

    /// The row as a reader of the tables knows it.
    var title: String {
        switch self {
        case .invite: "– · invite → initiated"
        case .inviteRepeated: "– · invite with the same client_call_id → the existing call"
        case .inviteGlare: "– · invite, the reverse call is initiated → ongoing"
        case .inviteMoves: "– · invite, the pair has an ongoing call → the same call, moved"
        case .inviteBusy: "– · invite, the callee is busy → missed, busy"
        case .initiatedAccepted: "initiated · accept → ongoing"
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
        }
    }
}

/// How often each row of the tables was followed.
struct Coverage {
    private(set) var counts = [Int](repeating: 0, count: TableRow.allCases.count)

    mutating func note(_ row: TableRow) {
        counts[row.rawValue] += 1
    }

    mutating func add(_ other: Coverage) {
        for index in counts.indices { counts[index] += other.counts[index] }
    }

    /// The rows that were never followed.
    var missing: [TableRow] {
        TableRow.allCases.filter { counts[$0.rawValue] == 0 }
    }
}
