import Logging
import Primitives
import Storage

/// What has to be done before a server admits anybody.
extension AccountService {
    /// How many names are updated in one unit.
    private static let namesAtOnce: Int64 = 500

    /// Updates what older versions stored, and learns what stored passwords cost.
    /// - Throws: `unavailable`, `internal`.
    public func start() async throws(AccountError) {
        try await completeNames()
        let costs = try await read(.highestPasswordCost, []) { row throws(DatabaseError) in
            try row.textIfAny("cost").flatMap { Int($0) }
        }
        guard let cost = costs.first ?? nil else { return }
        passwords.expect(hashesOfCost: cost)
        if cost > passwords.cost {
            logger.notice(
                "some stored passwords cost more than password.cost: every wrong password costs as much until they are gone",
                metadata: ["stored": "\(cost)", "setting": "\(passwords.cost)"])
        }
    }

    /// Stores the forms of names by which they are found and compared, where an older version did not.
    private func completeNames() async throws(AccountError) {
        while true {
            let names = try await read(.usersWithoutFoldedName, [.integer(Self.namesAtOnce)]) {
                row throws(DatabaseError) in
                let id: UserID = try row.id("id")
                return (id: id, name: try row.text("display_name"))
            }
            let steps = names.map { id, name in
                // A name that would not be allowed today does not block the names that it imitates.
                let folded = VisibleName(name)?.text.folded ?? name.skeleton
                return Step(.setNamesToCompare, [.id(id), .text(name.skeleton), .text(folded)])
            }
            if steps.isEmpty { return }
            _ = try await commit(steps)
        }
    }
}
