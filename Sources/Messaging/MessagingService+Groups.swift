public import Primitives
import Storage

extension MessagingService {
    /// Makes a group with its creator as owner. Those who do not know the creator are invited. A repeat of a
    /// client conversation id of this creator returns the current group.
    /// - Throws: `invalid(.name)`, `invalid(.memberIDs)` when there are too many, `notFound` when one of them is not a
    ///   user or the creator has left the group since, `rateLimited` when the creator has made or invited too many
    ///   today, `unavailable`, `internal`.
    public func makeGroup(_ draft: GroupDraft, by creator: UserID) async throws(MessagingError) -> Conversation {
        let (name, others) = try GroupRules.check(draft, by: creator)
        let key: [SQLValue] = [.id(creator), .id(draft.clientConversationID)]
        if let earlier = try await read(.conversationByClientID, key, Conversation.init(bare:)).first {
            return try await conversation(earlier.id, for: creator)
        }
        let (owner, candidates) = try await candidates(others, for: creator)
        let known = candidates.filter(\.knowsAdder)
        try await take(.invitations, candidates.count - known.count, of: creator)
        try await take(.groups, of: creator)
        let present = now()
        let id = ConversationID.random(at: present)
        let line = SystemMessage("\(owner.displayName) made the group “\(name)”.", in: id, at: present)
        let at = SQLValue.instant(present)
        let opening = Step(
            .openGroup, [.id(id), .id(creator), .id(draft.clientConversationID), .text(name), at])
        func joining(_ user: UserID, as role: MemberRole) -> Step {
            Step(.joinGroup, [.id(id), .id(user), .text(role.rawValue), .id(creator), at])
        }
        let entering = candidates.map { candidate in
            candidate.knowsAdder && !candidate.hasBlockedAdder
                ? joining(candidate.profile.id, as: .member)
                : inviting(candidate, into: id, by: creator, at: present)
        }
        let results = try await commit(
            [opening, joining(creator, as: .owner)] + entering + line.steps, at: "open_group")
        deliver(line, results: results.suffix(line.steps.count))
        deliver(
            GroupInvitation(
                conversation: id, name: name, inviter: owner, memberCount: 1 + known.count, createdAt: present),
            results: zip(candidates, results.dropFirst(2)).filter { !$0.0.knowsAdder }.map(\.1))
        guard let made = try await read(.conversationByClientID, key, Conversation.init(bare:)).first else {
            throw .noConversation
        }
        return try await conversation(made.id, for: creator)
    }

    /// A conversation with its members and its newest message.
    /// - Throws: `notFound` when there is no such conversation or the user is not in it, `unavailable`, `internal`.
    public func conversation(
        _ id: ConversationID, for user: UserID
    ) async throws(MessagingError) -> Conversation {
        guard try await role(of: user, in: id) != nil,
            let found = try await read(.conversationByID, [.id(id), .id(user)], Conversation.init(bare:)).first
        else { throw .noConversation }
        return try await complete(found, for: user)
    }

    /// The users whom a user can call in a conversation: its members, including the user, by their ids; and which of
    /// them are nominal and learn of no call.
    /// - Throws: `notFound` when there is no such conversation or the user is not in it, `unavailable`, `internal`.
    public func callableMembers(
        of conversation: ConversationID, for user: UserID
    ) async throws(MessagingError) -> (type: Conversation.Kind, members: [Profile], nominal: Set<UserID>) {
        let members = try await members(of: conversation)
        guard members.contains(where: { $0.profile.id == user && !$0.isNominal }),
            let found = try await read(.conversationByID, [.id(conversation), .id(user)], Conversation.init(bare:))
                .first
        else { throw .noConversation }
        return (found.type, members.map(\.profile), Set(members.filter(\.isNominal).map(\.profile.id)))
    }

    /// Adds members to a group; those who do not know the one who adds are invited. Existing members stay as they are;
    /// a nominal member learns of the group now, if they have not blocked the one who adds.
    /// - Throws: `notFound` when there is no such conversation, the one who adds is not in it, or one of the others is
    ///   not a user; `forbidden` to mere members and in direct conversations; `invalid(.memberIDs)` when there would be
    ///   too many, including invited users; `rateLimited` when the one who adds has invited too many today;
    ///   `unavailable`, `internal`.
    public func addMembers(
        _ users: [UserID], to conversation: ConversationID, by actor: UserID
    ) async throws(MessagingError) -> Conversation {
        let wanted = try GroupRules.distinct(users)
        let group = try await self.conversation(conversation, for: actor)
        guard group.type == .group, let role = group.role(of: actor), GroupRules.mayAdd(role) else { throw .notAdmin }
        let (inviter, people) = try await candidates(
            wanted.filter { group.role(of: $0) == nil || group.nominal.contains($0) }, for: actor)
        let unaware = people.filter { group.nominal.contains($0.profile.id) }
        try await tell(unaware, of: group, by: inviter)
        let newcomers = people.filter { group.role(of: $0.profile.id) == nil }
        guard !newcomers.isEmpty else { return group }
        let invited = Set(group.invited.map(\.id)).union(newcomers.map(\.profile.id))
        guard group.members.count + invited.count <= GroupRules.memberLimit else { throw .groupTooLarge }
        try countLine(of: actor)
        try await take(.invitations, newcomers.count { !$0.knowsAdder }, of: actor)
        let present = now()
        let entering = newcomers.map { newcomer in
            newcomer.knowsAdder && !newcomer.hasBlockedAdder
                ? Step(
                    .addMember,
                    [
                        .id(conversation), .id(newcomer.profile.id), .id(actor), .instant(present),
                        .integer(Int64(GroupRules.memberLimit)),
                    ])
                : inviting(newcomer, into: conversation, by: actor, at: present)
        }
        let locking = Step(.lockGroup, [.id(conversation), .instant(present)])
        let forgetting = Step(.forgetInvitationsOfMembers, [.id(conversation)])
        let results = try await commit([locking] + entering + [forgetting], at: "add_member").dropFirst()
        let shown = try nominal(among: results.last)
        let added = zip(newcomers, results).filter { newcomer, result in
            newcomer.knowsAdder && !result.rows.isEmpty && !shown.contains(newcomer.profile.id)
        }.map(\.0)
        if !added.isEmpty {
            let names = GroupRules.list(added.map(\.profile.displayName))
            await say("\(group.displayName(of: actor)) added \(names).", in: conversation, also: [])
        }
        deliver(
            GroupInvitation(
                conversation: conversation, name: group.name ?? "", inviter: inviter,
                memberCount: group.members.count + added.count, createdAt: present),
            results: zip(newcomers, results).filter { !$0.0.knowsAdder }.map(\.1))
        return try await self.conversation(conversation, for: actor)
    }

    /// Tells nominal members of a group, now that somebody whom they have not blocked adds them: those who know that
    /// one become members, the others are invited. The other members see no difference, and it counts for nobody's
    /// quota.
    private func tell(
        _ nominal: [GroupCandidate], of group: Conversation, by inviter: Profile
    ) async throws(MessagingError) {
        let welcoming = nominal.filter { !$0.hasBlockedAdder }
        guard !welcoming.isEmpty else { return }
        let present = now()
        let telling = welcoming.map { user in
            user.knowsAdder
                ? Step(.admitNominalMember, [.id(group.id), .id(user.profile.id), .id(inviter.id)])
                : inviting(user, into: group.id, by: inviter.id, at: present)
        }
        let locking = Step(.lockGroup, [.id(group.id), .instant(present)])
        let forgetting = Step(.forgetInvitationsOfMembers, [.id(group.id)])
        let results = try await commit([locking] + telling + [forgetting], at: "admit_nominal_member").dropFirst()
        for (user, result) in zip(welcoming, results) where user.knowsAdder && !result.rows.isEmpty {
            // No new line tells them: the newest existing one does.
            guard let newest = try? await conversation(group.id, for: user.profile.id).lastMessage else { continue }
            events.deliver(newest, to: [.user(user.profile.id)])
        }
        deliver(
            GroupInvitation(
                conversation: group.id, name: group.name ?? "", inviter: inviter,
                memberCount: group.members.count - 1, createdAt: present),
            results: zip(welcoming, results).filter { !$0.0.knowsAdder }.map(\.1))
    }

    /// Removes a member from a group, or leaves it; withdraws the invitation of one who is not a member yet. When the
    /// owner leaves, another member becomes owner.
    /// - Throws: `notFound` when there is no such conversation, or one of the two is not in it; `forbidden` to those
    ///   without the right and in direct conversations; `unavailable`, `internal`.
    public func removeMember(
        _ user: UserID, from conversation: ConversationID, by actor: UserID
    ) async throws(MessagingError) {
        // Roles that change in between are read again.
        for _ in 0..<3 {
            let group = try await self.conversation(conversation, for: actor)
            guard group.type == .group, let role = group.role(of: actor) else { throw .notAdmin }
            guard let other = group.role(of: user) else {
                guard GroupRules.mayAdd(role),
                    try await withdrawInvitation(of: user, into: conversation, by: actor)
                else { throw .noMember }
                return
            }
            guard user == actor || GroupRules.mayRemove(other, by: role) else { throw .notAdmin }
            if user != actor { try countLine(of: actor) }
            let present = SQLValue.instant(now())
            let removal: [SQLValue] = [
                .id(conversation), .id(user), .text(other.rawValue), .id(actor), .text(role.rawValue),
            ]
            let results = try await commit(
                [
                    Step(.lockGroup, [.id(conversation), present]), Step(.removeMember, removal + [present]),
                    Step(.removeNominalMember, removal), Step(.passOnOwnership, [.id(conversation)]),
                ], at: "remove_member")
            let isMember = !results[1].rows.isEmpty
            guard isMember || !results[2].rows.isEmpty else { continue }
            events.membershipEnded(user, in: conversation)
            let name = group.displayName(of: user)
            let line = user == actor ? "\(name) left." : "\(group.displayName(of: actor)) removed \(name)."
            return await say(line, in: conversation, also: isMember ? [user] : [])
        }
        throw .unavailable
    }

    /// Makes a member of a group an admin, or an admin a member. Repeating it changes nothing.
    /// - Parameter role: Not `owner`.
    /// - Throws: `invalid(.role)` when the old or new role is `owner`; `notFound` when there is no such
    ///   conversation, or one of the two is not in it; `forbidden` to all but the owner and in direct conversations;
    ///   `unavailable`, `internal`.
    public func changeRole(
        of user: UserID, to role: MemberRole, in conversation: ConversationID, by actor: UserID
    ) async throws(MessagingError) -> Conversation {
        guard role != .owner else { throw .ownerForLife }
        // Roles that change in between are read again.
        for _ in 0..<3 {
            let group = try await self.conversation(conversation, for: actor)
            guard let own = group.role(of: actor), GroupRules.mayChangeRoles(own) else { throw .notOwner }
            guard let before = group.role(of: user) else { throw .noMember }
            guard before != .owner else { throw .ownerForLife }
            guard before != role else { return group }
            try countLine(of: actor)
            let change: [SQLValue] = [.id(conversation), .id(user), .text(role.rawValue), .id(actor)]
            let results = try await commit(
                [
                    Step(.lockGroup, [.id(conversation), .instant(now())]), Step(.changeMemberRole, change),
                    Step(.changeNominalRole, change),
                ], at: "change_member_role")
            guard results.contains(where: { !$0.rows.isEmpty }) else { continue }
            let (name, word) = (group.displayName(of: user), role == .admin ? "an admin" : "a member")
            await say("\(group.displayName(of: actor)) made \(name) \(word).", in: conversation, also: [])
            return try await self.conversation(conversation, for: actor)
        }
        throw .unavailable
    }

    /// Writes a line into a conversation. If that fails, the change that it reports remains.
    /// - Parameter others: Who is told besides the members.
    func say(_ text: String, in conversation: ConversationID, also others: [UserID]) async {
        let line = SystemMessage(text, in: conversation, at: now(), also: others)
        do throws(DatabaseError) {
            let results = try await database.commit(WriteUnit(line.steps))
            deliver(line.message, to: try line.recipients(results[...]))
        } catch {
            _ = messagingError(error, at: "insert_system_message")
        }
    }

    func role(
        of user: UserID, in conversation: ConversationID
    ) async throws(MessagingError) -> MemberRole? {
        try await read(.isConversationMember, [.id(conversation), .id(user)]) { row throws(DatabaseError) in
            let role: MemberRole = try row.name("role")
            return role
        }.first
    }

    func profile(of user: UserID) async throws(MessagingError) -> Profile {
        let found = try await read(.userByID, [.id(user)]) { row throws(DatabaseError) in
            Profile(id: user, username: try row.text("username"), displayName: try row.text("display_name"))
        }
        guard let profile = found.first else { throw .noUser }
        return profile
    }

    func commit(_ steps: [Step], at statement: String) async throws(MessagingError) -> [StepResult] {
        do {
            return try await database.commit(WriteUnit(steps))
        } catch {
            throw messagingError(error, at: statement)
        }
    }
}

extension Conversation {
    /// A user's role as everybody in the conversation sees it; nil for one who is not in it.
    public func role(of user: UserID) -> MemberRole? {
        zip(members, roles).first { $0.0.id == user }?.1
    }

    fileprivate func displayName(of user: UserID) -> String {
        members.first { $0.id == user }?.displayName ?? ""
    }
}
