import Primitives

/// Compares what clients were told with what the database holds.
struct ChaosChecker: Sendable {
    /// The longest that a call may last (`calls.maxDurationSeconds`).
    let maxDuration: Instant.Span
    /// How late the server may be in carrying out a deadline.
    let tolerance: Instant.Span

    /// Everything that must hold once all is quiet.
    func check(_ ledger: Ledger, against stored: StoredState, now: Instant) -> [Violation] {
        ledger.sightings + checkRows(stored, now: now) + checkAcknowledgements(ledger, stored)
            + checkMessages(ledger, stored) + checkViews(ledger, stored)
    }

    /// What must hold after the database was away while every device kept its socket.
    /// - Parameter isLong: Whether it was away for so long that somebody must have noticed.
    func checkOutage(_ stored: StoredState, _ counts: StormStatistics, isLong: Bool) -> [Violation] {
        var found = stored.calls.values.filter { Self.cutOff.contains($0.endReason ?? "") }
            .sorted { $0.id < $1.id }
            .map { call in
                Violation(
                    kind: .endedByOutage, call: call.id,
                    text: "the call ended with \(call.endReason ?? ""), though nobody was cut off")
            }
        if isLong, counts.relayedInOutage == 0 {
            found.append(Violation(kind: .nothingPassedInOutage, text: "no signal was passed on in the outage"))
        }
        if isLong, counts.unavailableInOutage == 0 {
            found.append(Violation(kind: .nothingUnavailable, text: "no command was answered UNAVAILABLE"))
        }
        return found
    }

    private static let cutOff: Set<String> = ["disconnected", "caller_disconnected", "server_restart"]

    // MARK: Rows

    /// What must be true of the rows at any time while the server runs.
    func checkRows(_ stored: StoredState, now: Instant) -> [Violation] {
        stored.calls.values.sorted { $0.id < $1.id }.flatMap { check($0, now: now) }
    }

    private func check(_ call: StoredState.Call, now: Instant) -> [Violation] {
        var found: [Violation] = []
        func report(_ kind: Violation.Kind, _ text: String) {
            found.append(Violation(kind: kind, call: call.id, text: text))
        }
        if let deadline = deadline(of: call), deadline + tolerance < now {
            report(.stuckCall, "the call is \(call.status), though its time was up at \(deadline)")
        }
        let open = call.shares.filter { $0.endedAt == nil }
        if !call.isOpen, !open.isEmpty { report(.openShareOfEndedCall, "a screen is shared in a call that is over") }
        if Set(open.map(\.sharer)).count < open.count { report(.twoOpenShares, "somebody shares two screens") }
        if !call.isOpen {
            for participant in call.participants where ["ringing", "connected"].contains(participant.status) {
                report(.presentInEndedCall, "\(participant.user) is \(participant.status) in a call that is over")
            }
        }
        if (call.answeredAt != nil) != (call.status == "ongoing" || call.status == "completed") {
            report(.answerContradictsStatus, "the call is \(call.status), and answered_at says otherwise")
        }
        if !areInOrder(call) { report(.timesOutOfOrder, "the times of the call are out of order") }
        return found
    }

    /// When an open call must be over in any case; nil when it is over.
    private func deadline(of call: StoredState.Call) -> Instant? {
        switch call.status {
        case "initiated":
            let rings = call.participants.filter { $0.status == "ringing" }.compactMap(\.ringExpiresAt)
            // A call that rings nobody has nothing left to wait for.
            return rings.max() ?? call.startedAt
        case "ongoing": return (call.answeredAt ?? call.startedAt) + maxDuration
        default: return nil
        }
    }

    private func areInOrder(_ call: StoredState.Call) -> Bool {
        func ordered(_ moments: Instant?...) -> Bool {
            let known = moments.compactMap(\.self)
            return zip(known, known.dropFirst()).allSatisfy { $0 <= $1 }
        }
        return ordered(call.startedAt, call.answeredAt, call.endedAt)
            && call.participants.allSatisfy { ordered(call.startedAt, $0.joinedAt, $0.leftAt) }
            && call.shares.allSatisfy { ordered(call.startedAt, $0.startedAt, $0.endedAt) }
    }

    // MARK: Acknowledged commands

    private func checkAcknowledgements(_ ledger: Ledger, _ stored: StoredState) -> [Violation] {
        ledger.acknowledgements.compactMap { acknowledgement in
            let picture = acknowledgement.picture
            let loss: String?
            if let call = stored.calls[picture.id] {
                loss = lossOfCall(picture, call) ?? lossOfEffect(acknowledgement, call)
            } else {
                loss = "there is no such call"
            }
            return loss.map {
                Violation(
                    kind: .lostCommand, call: picture.id,
                    text: "\(acknowledgement.action.word) of \(acknowledgement.user) was acknowledged, and \($0)")
            }
        }
    }

    /// What an answer says about the call itself is never undone.
    private func lossOfCall(_ picture: CallPicture, _ call: StoredState.Call) -> String? {
        if let answeredAt = picture.answeredAt, call.answeredAt?.milliseconds != answeredAt {
            return "the call was answered, which is not stored"
        }
        if picture.isEnded,
            call.status != picture.status || call.endReason != picture.endReason
                || call.endedAt?.milliseconds != picture.endedAt
        {
            return "the call was over, which is not stored so"
        }
        return nil
    }

    private func lossOfEffect(_ acknowledgement: Acknowledgement, _ call: StoredState.Call) -> String? {
        let own = acknowledgement.picture.member(acknowledgement.user)
        let stored = call.participant(acknowledgement.user)
        switch acknowledgement.action {
        case .invite:
            guard acknowledgement.picture.clientCallID == acknowledgement.clientCallID else {
                // Glare, or the call of another device: the answer is a call that was there.
                return stored == nil ? "the caller is not in the call" : nil
            }
            let isSame = call.initiator == acknowledgement.user && call.clientCallID == acknowledgement.clientCallID
            return isSame ? nil : "the stored call is another one"
        case .accept, .move, .join:
            guard call.answeredAt != nil else { return "the call was never answered" }
            if let own, let loss = lossOfPresence(own, stored) { return loss }
            // A user who left and was rung again no longer has a joined_at.
            return stored?.joinedAt != nil || stored.map { hasMovedOn($0, since: own?.leftAt ?? own?.joinedAt) } == true
                ? nil : "the participant never joined"
        case .decline:
            if own?.status == "ringing" { return "the device still rings" }
            return own.flatMap { lossOfPresence($0, stored) }
        case .hangUp:
            if own?.status == "ringing" { return "the device still rings" }
            if own?.status == "connected", own?.device == acknowledgement.device { return "the device is in the call" }
            return own.flatMap { lossOfPresence($0, stored) }
        case .cancel:
            if acknowledgement.picture.status == "initiated", own?.device == acknowledgement.device {
                return "the call still rings"
            }
            return own.flatMap { lossOfPresence($0, stored) }
        case .add(let users):
            let missing = users.first { call.participant($0) == nil }
            return missing.map { "\($0) was never rung" }
        case .startShare:
            let rows = call.shares.filter { $0.sharer == acknowledgement.user }
            if let since = acknowledgement.picture.shares[acknowledgement.user] {
                return rows.contains { $0.startedAt.milliseconds == since } ? nil : "the share is not in the log"
            }
            return rows.isEmpty ? "there is no share in the log" : nil
        case .stopShare:
            let isShared = acknowledgement.picture.shares[acknowledgement.user] != nil
            return isShared && own?.device == acknowledgement.device ? "the screen is still shared" : nil
        case .ringing, .fetch, .message: return nil
        }
    }

    /// A participant that was seen joining or leaving is stored like that, unless it has moved on since.
    private func lossOfPresence(_ seen: CallPicture.Member, _ stored: StoredState.Participant?) -> String? {
        guard let stored else { return "the participant is not stored" }
        switch seen.status {
        case "connected":
            if stored.joinedAt?.milliseconds == seen.joinedAt || hasMovedOn(stored, since: seen.joinedAt) { return nil }
            return "that the participant joined is not stored"
        case "left", "declined":
            let isSame = stored.leftAt?.milliseconds == seen.leftAt && stored.leaveReason == seen.leaveReason
            if isSame || hasMovedOn(stored, since: seen.leftAt) { return nil }
            return "that the participant left is not stored so"
        default: return nil
        }
    }

    /// Whether a participant was rung again or rejoined after a time.
    private func hasMovedOn(_ stored: StoredState.Participant, since moment: Int64?) -> Bool {
        guard let moment else { return false }
        let later = max(stored.rungAt?.milliseconds ?? .min, stored.joinedAt?.milliseconds ?? .min)
        return later > moment
    }

    // MARK: Messages

    private func checkMessages(_ ledger: Ledger, _ stored: StoredState) -> [Violation] {
        var found: [Violation] = []
        var rows: [String: [KnownMessage]] = [:]
        var seqs: [String: [Int64]] = [:]
        for message in stored.messages {
            rows[message.name, default: []].append(message)
            seqs[message.conversation, default: []].append(message.seq)
        }
        for known in Set(ledger.messages).sorted(by: { $0.name < $1.name }) {
            let candidates = rows[known.name] ?? []
            if candidates.count > 1 {
                found.append(Violation(kind: .doubleMessage, text: "\(known) is stored \(candidates.count) times"))
            }
            guard let row = candidates.first else {
                found.append(Violation(kind: .lostMessage, text: "\(known) is not stored"))
                continue
            }
            if row != known { found.append(Violation(kind: .alteredMessage, text: "\(known) is stored as \(row)")) }
        }
        for (conversation, last) in stored.lastSeqs.sorted(by: { $0.key < $1.key }) {
            let sorted = (seqs[conversation] ?? []).sorted()
            if sorted != (last > 0 ? Array(1...last) : []) {
                found.append(
                    Violation(kind: .gapInMessages, text: "\(conversation) has \(sorted.count) messages up to \(last)"))
            }
        }
        return found
    }

    // MARK: Views

    private func checkViews(_ ledger: Ledger, _ stored: StoredState) -> [Violation] {
        ledger.views.compactMap { view in
            let truth = stored.calls[view.picture.id]?.picture
            if let truth, view.picture.shows(sameAs: truth) { return nil }
            return Violation(
                kind: .viewDiffers, call: view.picture.id,
                text: "device \(view.device) of \(view.user) believes: \(view.picture); stored:"
                    + " \(truth.map { "\($0)" } ?? "nothing")")
        }
    }
}

extension KnownMessage {
    /// What identifies it: the sender's id for it, or its sequence number when the system wrote it.
    fileprivate var name: String { clientMessageID.isEmpty ? "\(conversation) \(seq)" : clientMessageID }
}
