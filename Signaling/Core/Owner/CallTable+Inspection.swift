import DequeModule
package import Primitives

// What a checker may look at: how the table stands between two inputs.
extension CallTable {
    /// An open call as the table has it.
    package struct Inspection {
        /// The call as it last came about; one that is being placed, as it will be.
        package let call: Call
        /// The revision of the stored row; 0 for a call that is being placed.
        package let storedRevision: Int64
        /// Whether no commit of it is under way, and none of unknown outcome.
        package let isSettled: Bool
        /// Whether its latest commit is of unknown outcome.
        package let isUncertain: Bool
        /// Whether it is of unknown outcome and nobody looks it up at the moment.
        package let hasToBeLookedUp: Bool
        /// Whether an input waits for what is on its way to disk, which was due before it.
        package let isDueUnderWay: Bool
        /// Whether its inputs wait until others have had their turn.
        package let isResting: Bool
        /// Whether a device came or went, and it could not be told.
        package let hasMissedDevices: Bool
        /// The inputs that wait, the first first.
        package let waiting: [CallInput]
        /// Who is to be out of it, and is not yet on disk.
        package let owed: [CallInput]
        /// When those who were kept waiting are told of the latest picture.
        package let updatesDue: Instant?
    }

    /// How an open call stands; nil when it is not open here.
    package func inspect(_ id: CallID) -> Inspection? {
        guard let open = calls[id] else { return nil }
        var (isUncertain, hasToBeLookedUp, isDueUnderWay) = (false, false, false)
        switch open.commit {
        case .settled: break
        case .committing(let commit): isDueUnderWay = commit.then == .next
        case .uncertain(_, let isAsked): (isUncertain, hasToBeLookedUp) = (true, !isAsked)
        }
        return Inspection(
            call: open.call, storedRevision: open.storedRevision, isSettled: open.isSettled, isUncertain: isUncertain,
            hasToBeLookedUp: hasToBeLookedUp, isDueUnderWay: isDueUnderWay, isResting: open.isResting,
            hasMissedDevices: open.hasMissedDevices, waiting: open.waiting.map(\.input), owed: open.owed,
            updatesDue: open.pace.due)
    }
}
