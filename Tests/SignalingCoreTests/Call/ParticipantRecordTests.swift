import Primitives
import Testing

@testable import SignalingCore

@Suite("What is stored of participants and phases")
struct ParticipantRecordTests {
    private static let (came, went) = (Scene.start, Scene.start + .seconds(7))
    private static let device = Scene.calleePhone.device

    private static func participant(_ state: Participant.State) -> Participant {
        Participant(
            user: Scene.callee, isPolite: true, role: .coHost, rungAt: came, isHidden: true, standing: .guest,
            state: state)
    }

    private static func record(
        _ status: Participant.Status, joinedAt: Instant? = nil, leftAt: Instant? = nil,
        _ reason: Participant.LeaveReason? = nil, device: DeviceID? = nil, ringExpiresAt: Instant? = nil
    ) -> Participant.Record {
        Participant.Record(
            user: Scene.callee, status: status, joinedAt: joinedAt, leftAt: leftAt, reason: reason, device: device,
            ringExpiresAt: ringExpiresAt, isPolite: true, role: .coHost, rungAt: came, isHidden: true, standing: .guest)
    }

    static let states: [(state: Participant.State, record: Participant.Record)] = [
        (.ringing(.init(until: went)), record(.ringing, ringExpiresAt: went)),
        (.connected(.init(joinedAt: came, device: device)), record(.connected, joinedAt: came, device: device)),
        (.declined(at: went, .busy), record(.declined, leftAt: went, .busy)),
        (.left(joinedAt: came, at: went, .hangup), record(.left, joinedAt: came, leftAt: went, .hangup)),
        (.left(joinedAt: nil, at: went, .noAnswer), record(.left, leftAt: went, .noAnswer)),
    ]

    @Test("A participant converts to a flat record and back", arguments: states.indices)
    func flat(_ index: Int) {
        let (state, record) = Self.states[index]
        #expect(Self.participant(state).record == record)
        #expect(record.participant == Self.participant(state))
    }

    @Test("What only shows is not stored")
    func shown() throws {
        var connection = Participant.Connection(joinedAt: Self.came, device: Self.device)
        let bare = Self.participant(.connected(connection))
        connection.media = MediaState(camera: true)
        connection.isOnHold = true
        connection.handRaisedAt = Self.went
        connection.reachability = .lost(until: Self.went)
        #expect(Self.participant(.connected(connection)).record == bare.record)
        let alerted = Participant.Ringing(until: Self.went, isAlerted: true)
        #expect(Self.participant(.ringing(alerted)).record == Self.record(.ringing, ringExpiresAt: Self.went))
    }

    static let broken = [
        record(.ringing), record(.connected, joinedAt: came), record(.connected, device: device),
        record(.declined, leftAt: went), record(.declined, nil), record(.left, joinedAt: came, leftAt: went),
        record(.left, joinedAt: came, .hangup),
    ]

    @Test("A row that lacks what its status needs gives no participant", arguments: broken.indices)
    func lacking(_ index: Int) {
        #expect(Self.broken[index].participant == nil)
    }

    static let phases: [Call.Phase] = [
        .initiated, .ongoing(answeredAt: came), .completed(answeredAt: came, endedAt: went, .alone),
        .missed(endedAt: went, .busy),
    ]

    @Test("A phase converts to its stored fields and back", arguments: phases.indices)
    func phase(_ index: Int) {
        let phase = Self.phases[index]
        var call = Scene.ringing().call
        call.phase = phase
        #expect(phase.status == Call.Status.allCases[index])
        #expect(
            Call.Phase.stored(
                phase.status, answeredAt: call.answeredAt, endedAt: call.endedAt, call.endReason) == phase)
        if phase != .initiated {
            #expect(Call.Phase.stored(phase.status, answeredAt: nil, endedAt: nil, nil) == nil)
        }
    }
}
