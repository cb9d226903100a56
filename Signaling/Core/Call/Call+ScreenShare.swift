import Primitives

// Screen sharing (seed 003, `screen_share_logs`): one sharer at a time or many, as the rules say.
extension CallTurn {
    mutating func startScreenShare(_ participant: Participant, _ origin: CallOrigin) {
        if call.isEnded {
            refusal = .callEnded
            return
        }
        guard case .ongoing = call.phase, isActive(origin) else {
            refusal = .wrongState
            return
        }
        guard !call.screenShares.contains(where: { $0.sharer == origin.user }) else { return }
        switch call.rules.screenSharing {
        case .takeOver: for share in call.screenShares { closeShare(of: share.sharer, .replaced) }
        case .refuse:
            guard call.screenShares.isEmpty else {
                refusal = .screenTaken
                return
            }
        case .multiple: break
        }
        call.screenShares.append(Call.ScreenShare(sharer: origin.user, startedAt: now))
    }

    mutating func stopScreenShare(_ origin: CallOrigin) {
        // The share belongs to the device: another device of the user has nothing to stop.
        if isActive(origin) { closeShare(of: origin.user, .stopped) }
    }

    mutating func closeShare(of sharer: UserID, _ reason: Call.ShareEndReason) {
        guard let index = call.screenShares.firstIndex(where: { $0.sharer == sharer }) else { return }
        call.screenShares.remove(at: index)
        closedShares.append((sharer, now, reason))
    }
}
