import DequeModule
package import Primitives

// What a checker may inspect: the state of the table between two inputs.
extension CallTable {
    /// An open call as the table has it.
    package struct Inspection {
        let open: OpenCall

        /// The call as last applied; for one that is being placed, its first state.
        package var call: Call { open.call }
        /// The revision of the stored row; 0 for a call that is being placed.
        package var storedRevision: Int64 { open.storedRevision }
        /// Whether none of its commits is in flight or of unknown outcome.
        package var isSettled: Bool { open.isSettled }
        /// Whether its latest commit is of unknown outcome.
        package var isUncertain: Bool { if case .uncertain = open.commit { true } else { false } }
        /// Whether the outcome is unknown and no look-up is in flight.
        package var hasToBeLookedUp: Bool {
            if case .uncertain(_, isAsked: false) = open.commit { true } else { false }
        }
        /// Whether an input waits for the commit of what was due before it.
        package var isDueUnderWay: Bool {
            if case .committing(let commit) = open.commit { commit.then == .next } else { false }
        }
        /// Whether its inputs wait until other calls have had their turn.
        package var isResting: Bool { open.isResting }
        /// Whether a device connected or disconnected and the call could not be told.
        package var hasMissedDevices: Bool { open.hasMissedDevices }
        /// How many inputs wait.
        package var waitingCount: Int { open.waiting.count }
        /// The inputs that wait, in the order in which they came.
        package var waiting: [CallInput] { open.waiting.map(\.input) }
        /// Removals from the call that are not on disk yet.
        package var owed: [CallInput] { open.owed }
        /// When devices that were kept waiting get the latest update.
        package var updatesDue: Instant? { open.pace.due }
    }

    /// The state of an open call; nil when it is not open here.
    package func inspect(_ id: CallID) -> Inspection? {
        calls[id].map(Inspection.init)
    }
}
