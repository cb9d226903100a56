import DequeModule
package import Primitives

// What a checker may look at: how the table stands between two inputs.
extension CallTable {
    /// An open call as the table has it.
    package struct Inspection {
        let open: OpenCall

        /// The call as it last came about; one that is being placed, as it will be.
        package var call: Call { open.call }
        /// The revision of the stored row; 0 for a call that is being placed.
        package var storedRevision: Int64 { open.storedRevision }
        /// Whether no commit of it is under way, and none of unknown outcome.
        package var isSettled: Bool { open.isSettled }
        /// Whether its latest commit is of unknown outcome.
        package var isUncertain: Bool { if case .uncertain = open.commit { true } else { false } }
        /// Whether it is of unknown outcome and nobody looks it up at the moment.
        package var hasToBeLookedUp: Bool {
            if case .uncertain(_, isAsked: false) = open.commit { true } else { false }
        }
        /// Whether an input waits for what is on its way to disk, which was due before it.
        package var isDueUnderWay: Bool {
            if case .committing(let commit) = open.commit { commit.then == .next } else { false }
        }
        /// Whether its inputs wait until others have had their turn.
        package var isResting: Bool { open.isResting }
        /// Whether a device came or went, and it could not be told.
        package var hasMissedDevices: Bool { open.hasMissedDevices }
        /// How many inputs wait.
        package var waitingCount: Int { open.waiting.count }
        /// The inputs that wait, in the order in which they came.
        package var waiting: [CallInput] { open.waiting.map(\.input) }
        /// Who is to be out of it, and is not yet on disk.
        package var owed: [CallInput] { open.owed }
        /// When those who were kept waiting are told of the latest picture.
        package var updatesDue: Instant? { open.pace.due }
    }

    /// How an open call stands; nil when it is not open here.
    package func inspect(_ id: CallID) -> Inspection? {
        calls[id].map(Inspection.init)
    }
}
