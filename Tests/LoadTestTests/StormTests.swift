import Primitives
import SwiftProtobuf
import Testing
import Wire

@testable import loadtest

@Suite struct StormTests {
    private static func at(_ milliseconds: Int64) -> Instant { Instant(microseconds: 0) + .milliseconds(milliseconds) }

    /// Ann and Ben, connected with one device each.
    private static func storm(seed: UInt64 = 1) -> Storm {
        var storm = Storm(
            people: [.init(user: "ann", devices: [0]), .init(user: "ben", devices: [1])],
            devices: [
                ModelDevice(user: "ann", id: "ann-1", person: 0), ModelDevice(user: "ben", id: "ben-1", person: 1),
            ],
            settings: .init(rate: 10), seed: seed, start: at(0))
        for place in 0...1 { storm.connected(place, snapshot: [], now: at(0)) }
        return storm
    }

    private static func call(_ status: WireCallStatus = .initiated, revision: UInt64 = 1) -> WireCall {
        .with {
            $0.id = "call"
            $0.status = status
            $0.revision = revision
            $0.participants = [
                .with {
                    $0.user.id = "ann"
                    $0.status = .connected
                    $0.deviceID = "ann-1"
                },
                .with {
                    $0.user.id = "ben"
                    $0.status = .ringing
                },
            ]
        }
    }

    /// The invite that the storm sends first.
    private static func invite(of storm: inout Storm) throws -> Outgoing {
        storm.advance(now: at(0))
        return try #require(
            storm.takeOutbox().first { if case .callInvite? = $0.frame.command { true } else { false } })
    }

    @Test func theSameSeedMakesTheSameChoices() {
        var (first, second, third) = (Self.storm(), Self.storm(), Self.storm(seed: 2))
        for storm in 0..<20 {
            let now = Self.at(Int64(storm) * 50)
            first.advance(now: now)
            second.advance(now: now)
            third.advance(now: now)
        }
        let frames = first.takeOutbox()
        #expect(frames == second.takeOutbox())
        #expect(frames != third.takeOutbox())
        #expect(!frames.isEmpty)
    }

    @Test func whatWasNotAnsweredIsRepeatedAfterAReconnectAndOnceAnsweredIsAcknowledged() throws {
        var storm = Self.storm()
        let invite = try Self.invite(of: &storm)
        storm.lost(invite.socket, reason: "socket_lost", now: Self.at(10))
        #expect(!storm.isQuiet)
        storm.connected(invite.socket, snapshot: [], now: Self.at(20))
        #expect(storm.takeOutbox().contains(invite))
        storm.received(
            .with {
                $0.replyTo = invite.frame.id
                $0.ok.call = Self.call()
            }, on: invite.socket, now: Self.at(30))
        #expect(storm.ledger.acknowledgements.map(\.action) == [.invite])
        #expect(storm.statistics.placed == 1)
    }

    @Test func whatIsUnavailableIsTriedAgainWithTheSameId() throws {
        var storm = Self.storm()
        let invite = try Self.invite(of: &storm)
        storm.received(
            .with {
                $0.replyTo = invite.frame.id
                $0.error.code = .unavailable
                $0.error.retryable = true
                $0.error.retryAfterMs = 300
            }, on: invite.socket, now: Self.at(10))
        storm.quiesce(now: Self.at(20))
        storm.advance(now: Self.at(300))
        #expect(!storm.takeOutbox().contains(invite))
        storm.advance(now: Self.at(400))
        #expect(storm.takeOutbox().contains(invite))
        #expect(storm.closedLedger().sightings.map(\.kind).contains(.unanswered))
    }

    @Test func aCallThatTheWelcomeHasNoMoreIsAskedFor() throws {
        var storm = Self.storm()
        storm.received(.with { $0.event.callIncoming.call = Self.call() }, on: 1, now: Self.at(10))
        storm.lost(1, reason: "socket_lost", now: Self.at(20))
        _ = storm.takeOutbox()
        storm.connected(1, snapshot: [], now: Self.at(30))
        let fetches = storm.takeOutbox().filter { $0.frame.callFetch.callID == "call" }
        #expect(fetches.count == 1)
    }

    @Test(arguments: [WireErrorCode.internal, .invalid])
    func aFaultOfTheServerIsReported(_ code: WireErrorCode) {
        var storm = Self.storm()
        storm.received(.with { $0.error.code = code }, on: 0, now: Self.at(10))
        #expect(storm.ledger.sightings.map(\.kind) == [.serverFault])
    }

    @Test func inAnOutageNoSocketMayBeLostAndSignalsAreCounted() {
        var storm = Self.storm()
        storm.setOutage(.away)
        storm.received(.with { $0.event.candidateReceived.callID = "call" }, on: 0, now: Self.at(10))
        storm.lost(0, reason: "socket_lost", now: Self.at(20))
        #expect(storm.statistics.relayedInOutage == 1)
        #expect(storm.ledger.sightings.map(\.kind) == [.socketLostInOutage])
    }
}
