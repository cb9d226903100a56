import MediaCore
import Testing

@Suite struct STUNResponderTests {
    @Test(arguments: [clientV4, clientV6], [false, true])
    func tellsTheAddress(source: TransportAddress, hasFingerprint: Bool) throws {
        let request = try #require(
            written(.bindingRequest, someTransaction) { writer, buffer in
                writer.append(.software, text: "a browser", to: &buffer)
                if hasFingerprint { writer.appendFingerprint(to: &buffer) }
            })
        let answer = try #require(responded(to: request, from: source).answer)
        let parsed = try Parsed(answer)
        #expect(parsed.message.type == .bindingSuccess)
        #expect(parsed.message.transaction == someTransaction)
        #expect(parsed.xorMappedAddress == source)
        #expect(parsed.message.hasFingerprint == hasFingerprint)
    }

    /// Requests of clients, in multiples of 4 bytes from a bare header on, with and without FINGERPRINT, and requests
    /// that no client sends: the answer has at most one and a half times the bytes. Where the shortest success is
    /// longer, only browsers get it, with nothing else in it.
    @Test(arguments: [(clientV4, 32), (clientV6, 44)], [false, true])
    func answersAreNotMuchLongerThanRequests(from: (source: TransportAddress, least: Int), hasFingerprint: Bool) throws
    {
        for padding in stride(from: -4, through: 80, by: 4) {
            let request = try #require(
                written(.bindingRequest, someTransaction) { writer, buffer in
                    let text = String(repeating: "s", count: max(0, padding))
                    if padding >= 0 { writer.append(.software, text: text, to: &buffer) }
                    if hasFingerprint { writer.appendFingerprint(to: &buffer) }
                })
            let answer = responded(to: request, from: from.source).answer
            if padding < 0 {
                let room = request.count * 3 / 2 - from.least
                let count = try #require(answer?.count, "\(request.count) bytes")
                #expect(count == (hasFingerprint && room >= 8 ? from.least + 8 : from.least))
            } else {
                #expect((answer?.count ?? 0) * 2 <= request.count * 3, "\(request.count) bytes")
                #expect((answer != nil) == (from.least * 2 <= request.count * 3), "\(request.count) bytes")
            }
        }
    }

    @Test(arguments: 1...20, [false, true])
    func refusalsAreNotMuchLongerThanRequests(unknown: Int, hasFingerprint: Bool) throws {
        let empty: [UInt8] = []
        let request = try #require(
            written(.bindingRequest, someTransaction) { writer, buffer in
                for type in 0x4000..<0x4000 + UInt16(unknown) {
                    writer.append(STUNAttributeType(rawValue: type), empty.span, to: &buffer)
                }
                if hasFingerprint { writer.appendFingerprint(to: &buffer) }
            })
        let answer = try #require(responded(to: request, from: clientV6).answer)
        #expect(answer.count * 2 <= request.count * 3)
        let parsed = try Parsed(answer)
        #expect(parsed.errorCode == 420)
        #expect(parsed.unknownAttributes?.count == min(unknown, 16))
        #expect(parsed.message.hasFingerprint == hasFingerprint)
    }

    @Test func asksForNoCredentials() throws {
        let answer = try #require(responded(to: Vector.longTermRequest.bytes, from: clientV4).answer)
        #expect(try Parsed(answer).message.type == .bindingSuccess)
    }

    @Test func refusesWhatItDoesNotKnow() throws {
        // PRIORITY belongs to ICE, and this is not an ICE agent; ICE-CONTROLLED may be ignored.
        let answer = try #require(responded(to: Vector.request.bytes, from: clientV4).answer)
        let parsed = try Parsed(answer)
        #expect(parsed.message.type == .bindingFailure)
        #expect(parsed.message.transaction == someTransaction)
        #expect(parsed.errorCode == 420)
        #expect(parsed.unknownAttributes == [.priority])
        #expect(parsed.message.hasFingerprint)
        #expect(parsed.xorMappedAddress == nil)
    }

    @Test func namesEachUnknownAttributeOnceAndNotTooMany() throws {
        let empty: [UInt8] = []
        let request = try #require(
            written(.bindingRequest, someTransaction, room: 2048) { writer, buffer in
                for _ in 0..<2 {
                    for type in 0x4000...UInt16(0x4030) {
                        writer.append(STUNAttributeType(rawValue: 0x4000), empty.span, to: &buffer)
                        writer.append(STUNAttributeType(rawValue: type), empty.span, to: &buffer)
                    }
                }
                writer.appendFingerprint(to: &buffer)
            })
        let answer = try #require(responded(to: request, from: clientV6).answer)
        #expect(answer.count == STUNResponder.longestAnswer)
        let listed = try Parsed(answer).unknownAttributes
        #expect(listed == (0x4000...UInt16(0x400F)).map(STUNAttributeType.init(rawValue:)))
    }

    @Test(arguments: [
        STUNMessageType.bindingIndication, .bindingSuccess, .bindingFailure, STUNMessageType(method: 3, .request),
        STUNMessageType(method: 0, .request),
    ])
    func staysSilent(type: STUNMessageType) throws {
        let message = try #require(written(type, someTransaction) { _, _ in })
        #expect(responded(to: message, from: clientV4).outcome == .silence)
    }

    @Test func staysSilentWithoutAPortOrRoom() throws {
        let request = try #require(written(.bindingRequest, someTransaction) { _, _ in })
        #expect(responded(to: request, from: TransportAddress(clientV4.host, port: 0)).outcome == .silence)
        var little = [UInt8](repeating: 0, count: 31)
        var span = little.mutableSpan
        let outcome = STUNResponder.respond(to: request.span, from: clientV4, into: &span)
        #expect(outcome == .silence)
    }

    @Test func answersNoBrokenRequest() throws {
        var request = try #require(
            written(.bindingRequest, someTransaction) { $0.appendFingerprint(to: &$1) })
        request[request.count - 1] ^= 1
        #expect(responded(to: request, from: clientV4).answer == nil)
    }
}
