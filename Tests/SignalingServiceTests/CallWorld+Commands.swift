import Primitives
import SignalingCore

@testable import SignalingService

/// Frequent commands, and the calls that tests begin with.
extension CallWorld {
    static let wholeGroup = Invite.Target.conversation(group, ringing: [])

    func accept(_ call: CallID, from origin: CallOrigin) async -> CallReply {
        await send(.accept(.random(at: now), MediaState()), to: call, from: origin)
    }

    func hangUp(_ call: CallID, from origin: CallOrigin) async -> CallReply {
        await send(.hangUp(.random(at: now), mediaFailed: false), to: call, from: origin)
    }

    /// A host control by the caller.
    func control(_ control: HostControl, of call: CallID) async -> CallReply {
        await send(.control(.random(at: now), control), to: call, from: Self.callerPhone)
    }

    /// Places a call and answers it.
    func answeredCall() async throws -> Call {
        try await accept(try await invite().call.id, from: Self.calleePhone).call
    }

    /// Places a call of the whole group, which is answered on some phones.
    func groupCall(answeredBy origins: [CallOrigin] = [calleePhone]) async throws -> Call {
        var call = try await invite(Self.wholeGroup).call
        for origin in origins { call = try await accept(call.id, from: origin).call }
        return call
    }

    /// A call of the group's three members, all of whom are in it.
    func fullGroupCall() async throws -> Call {
        try await groupCall(answeredBy: [Self.calleePhone, Self.membersPhone])
    }
}
