public import Primitives
public import Storage

extension MessagingService {
    /// The invitations of a user, newest first, except those from people whom the user has blocked.
    /// - Parameters:
    ///   - cursor: The end of the previous page; nil for the first page.
    ///   - limit: 1 to 100; values outside are clamped.
    /// - Throws: `unavailable`, `internal`.
    public func invitations(
        of user: UserID, before cursor: PageCursor<Named.Conversation>? = nil, limit: Int = 50
    ) async throws(MessagingError) -> InvitationPage {
        let limit = min(max(limit, 1), Self.pageLimit)
        let values = [.id(user)] + (cursor ?? .newest).values + [.integer(Int64(limit) + 1)]
        let found = try await read(.invitationsOfUser, values, GroupInvitation.init(row:))
        let page = Array(found.prefix(limit))
        let last = found.count > limit ? page.last : nil
        return InvitationPage(
            invitations: page, next: last.map { PageCursor(at: $0.createdAt, id: $0.conversation) })
    }

    /// Makes a user a member of a group that they are invited into. A repeat returns the group as it is. Nobody is told
    /// when the user was a nominal member, whom the others have seen as a member all along.
    /// - Throws: `notFound` when there is no such invitation, `conflict` when the group is full, `unavailable`,
    ///   `internal`.
    public func acceptInvitation(
        into conversation: ConversationID, by user: UserID
    ) async throws(MessagingError) -> Conversation {
        let seen = try await read(.invitationOfUser, [.id(user), .id(conversation)], GroupInvitation.init(row:))
        guard let invitation = seen.first else { return try await accepted(conversation, by: user, or: .noInvitation) }
        let newcomer = try await profile(of: user)
        let present = SQLValue.instant(now())
        let results = try await commit(
            [
                Step(.lockGroup, [.id(conversation), present]),
                Step(
                    .acceptInvitation,
                    [.id(conversation), .id(user), present, .integer(Int64(GroupRules.memberLimit))]),
                Step(.forgetInvitationsOfMembers, [.id(conversation)]),
                // Everybody may have left in the meantime.
                Step(.passOnOwnership, [.id(conversation)]),
            ], at: "accept_invitation")
        guard !results[1].rows.isEmpty else { return try await accepted(conversation, by: user, or: .groupFull) }
        if try !nominal(among: results[2]).contains(user) {
            let line = "\(newcomer.displayName) joined, invited by \(invitation.inviter.displayName)."
            await say(line, in: conversation, also: [])
        }
        return try await self.conversation(conversation, for: user)
    }

    /// Declines an invitation. It still looks pending to the inviter, and another one from the same inviter is not
    /// shown for a week.
    /// - Throws: `notFound` when there is no such invitation, `unavailable`, `internal`.
    public func declineInvitation(into conversation: ConversationID, by user: UserID) async throws(MessagingError) {
        let results = try await commit(
            [
                Step(.noteDecline, [.id(conversation), .id(user), .instant(now())]),
                Step(.hideInvitation, [.id(conversation), .id(user)]),
            ], at: "hide_invitation")
        guard !results[1].rows.isEmpty else { throw .noInvitation }
    }

    /// The nominal members among those whose invitations were removed: the others saw them all along.
    func nominal(among forgotten: StepResult?) throws(MessagingError) -> Set<UserID> {
        do throws(DatabaseError) {
            var users: Set<UserID> = []
            for row in forgotten?.rows ?? [] where try row.textIfAny("shown_role") != nil {
                users.insert(try row.id("user_id"))
            }
            return users
        } catch {
            throw messagingError(error, at: "forget_invitations_of_members")
        }
    }

    /// The group that a user is already in; throws when they are not.
    private func accepted(
        _ conversation: ConversationID, by user: UserID, or error: MessagingError
    ) async throws(MessagingError) -> Conversation {
        guard try await role(of: user, in: conversation) != nil else { throw error }
        return try await self.conversation(conversation, for: user)
    }

    /// Looks up users who are to be added to a group, for the one who adds them.
    /// - Throws: `notFound` when one of them is not a user.
    func candidates(
        _ users: [UserID], for actor: UserID
    ) async throws(MessagingError) -> (actor: Profile, others: [GroupCandidate]) {
        var found: [UserID: GroupCandidate] = [:]
        var rest = [actor] + users
        while let filler = rest.first {
            let batch = rest.prefix(Statement.groupCandidatesBatch)
            rest.removeFirst(batch.count)
            let padding = Array(repeating: filler, count: Statement.groupCandidatesBatch - batch.count)
            let values = [SQLValue.id(actor)] + (batch + padding).map { SQLValue.id($0) }
            for candidate in try await read(.groupCandidates, values, GroupCandidate.init(row:)) {
                found[candidate.profile.id] = candidate
            }
        }
        let others = users.compactMap { found[$0] }
        guard let own = found[actor], others.count == users.count else { throw .noUser }
        return (own.profile, others)
    }

    /// The step that invites somebody into a group, or makes them a nominal member: somebody who knows the one who adds
    /// them, and has blocked them.
    func inviting(
        _ user: GroupCandidate, into conversation: ConversationID, by actor: UserID, at now: Instant
    ) -> Step {
        Step(
            user.knowsAdder ? .addNominalMember : .inviteToGroup,
            [
                .id(conversation), .id(user.profile.id), .id(actor), .instant(now),
                .instant(now - InvitationRules.declineSpan), .integer(Int64(InvitationRules.limitOfInviter)),
                .integer(Int64(InvitationRules.limit)), .integer(Int64(GroupRules.memberLimit)),
            ])
    }

    /// Notifies those who see their invitation.
    /// - Parameter results: The results of the steps of `inviting` that invite.
    func deliver(_ invitation: GroupInvitation, results: [StepResult]) {
        do throws(DatabaseError) {
            for row in results.compactMap(\.rows.first) where try !row.boolean("hidden") {
                var own = invitation
                own.createdAt = try row.instant("created_at")
                events.deliver(own, to: try row.id("user_id"))
            }
        } catch {
            _ = messagingError(error, at: "invite_to_group")
        }
    }

    /// Withdraws an invitation.
    /// - Returns: Whether there was one.
    func withdrawInvitation(
        of user: UserID, into conversation: ConversationID, by actor: UserID
    ) async throws(MessagingError) -> Bool {
        let step = Step(.withdrawInvitation, [.id(conversation), .id(user), .id(actor)])
        return try await commit([step], at: "withdraw_invitation").first?.rows.isEmpty == false
    }
}

extension MessagingService {
    /// Takes some of a user's daily quota.
    /// - Throws: `rateLimited`, `unavailable`, `internal`.
    func take(_ kind: QuotaKind, _ count: Int = 1, of user: UserID) async throws(MessagingError) {
        let wait: Instant.Span?
        do {
            wait = try await quotas.take(kind, count, of: user)
        } catch {
            throw messagingError(error, at: "take_from_quota")
        }
        if let wait { throw .usedUp(kind, retryAfter: wait) }
    }

    /// Counts a change of a group, which leaves a message in it.
    /// - Throws: `rateLimited`.
    func countLine(of user: UserID) throws(MessagingError) {
        if let wait = quotas.spend(.messages, of: user) { throw .usedUp(.messages, retryAfter: wait) }
    }
}
