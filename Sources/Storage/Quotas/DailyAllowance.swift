/// One server's share of a user's quota for a day, which it takes from the database in portions.
///
/// Most spending then needs no statement, several servers together stay within the quota, and what was taken survives a
/// restart; the rest of a portion does not, and counts as spent. Uses no database and no clock.
struct DailyAllowance: Sendable, Equatable {
    /// The result of an attempt to spend.
    enum Verdict: Sendable, Equatable {
        /// It is spent.
        case spent
        /// It is spent, and this much has to be taken from the quota now.
        case spentTaking(Int64)
        /// There is nothing left today.
        case refused
    }

    /// The day: days since 1970, in UTC.
    private(set) var day: Int64
    private var taken: Int64 = 0
    private var spent: Int64 = 0
    private var isTaking = false
    private var isUsedUp = false

    /// Starts a day of which nothing is known yet.
    init(day: Int64) {
        self.day = day
    }

    /// Spends some. Until the database's first answer, and while a request is pending, more may be spent than was
    /// taken: nobody waits for the count. The same amount again is taken ahead, so that a caller who waits for each
    /// answer never spends too much.
    /// - Parameter portion: How much is taken from the quota at once, at least 1.
    mutating func spend(_ count: Int64, on today: Int64, portion: Int64) -> Verdict {
        if today != day { self = DailyAllowance(day: today) }
        guard !isUsedUp || count <= taken - spent else { return .refused }
        spent += count
        guard !isTaking, !isUsedUp, taken - spent <= portion / 2 else { return .spent }
        isTaking = true
        return .spentTaking(max(portion, spent - taken + count))
    }

    /// Returns what was spent for nothing.
    mutating func giveBack(_ count: Int64, on today: Int64) {
        if today == day { spent -= min(count, spent) }
    }

    /// The database has answered.
    /// - Parameter amount: What was taken from the quota; nil when too little was left.
    mutating func answer(_ amount: Int64?, on today: Int64) {
        guard today == day else { return }
        isTaking = false
        if let amount { taken += amount } else { isUsedUp = true }
    }

    /// The database has not answered: the next attempt asks again.
    mutating func fail(on today: Int64) {
        if today == day { isTaking = false }
    }
}
