import MediaCore
import Testing

@Suite struct STUNWriterTests {
    /// RFC 5769 §2.4 pads with zeros, as we do, so the result must be identical.
    @Test func writesTheLongTermRequest() throws {
        let vector = Vector.longTermRequest.bytes
        let hash = Array(vector[96..<116])
        let bytes = written(
            .bindingRequest, STUNTransactionID(high: 0x78AD_3433, low: 0xC6AD_72C0_29DA_412E)
        ) { writer, buffer in
            writer.append(.username, text: "マトリックス", to: &buffer)
            writer.append(.nonce, text: "f//499k954d6OL34oL9FSTvy64sA", to: &buffer)
            writer.append(.realm, text: "example.org", to: &buffer)
            writer.append(.messageIntegrity, hash.span, to: &buffer)
        }
        #expect(bytes == vector)
    }

    @Test(arguments: [(Vector.responseV4, clientV4), (Vector.responseV6, clientV6)])
    func writesTheAddressesOfTheResponses(vector: Vector, address: TransportAddress) throws {
        let bytes = try #require(
            written(.bindingSuccess, someTransaction) { writer, buffer in
                writer.appendXORMappedAddress(address, to: &buffer)
            })
        let parsed = try Parsed(vector.bytes)
        let range = try #require(parsed.value(of: .xorMappedAddress))
        #expect(Array(bytes[24...]) == Array(vector.bytes[range]))
    }

    @Test func readsWhatItWrote() throws {
        var random = SeededGenerator(seed: 3)
        for _ in 0..<500 {
            let transaction = STUNTransactionID(high: random.next(), low: random.next())
            let host: IPAddress =
                Bool.random(using: &random) ? .v4(random.next()) : .v6(high: random.next(), low: random.next())
            let address = TransportAddress(host, port: random.next())
            let software = String(repeating: "x", count: Int.random(in: 0...9, using: &random))
            let code = Int.random(in: 300...699, using: &random)
            let types = (0..<Int.random(in: 0...5, using: &random)).map { _ in
                STUNAttributeType(rawValue: random.next())
            }
            let bytes = try #require(
                written(.bindingFailure, transaction) { writer, buffer in
                    writer.append(.software, text: software, to: &buffer)
                    writer.appendXORMappedAddress(address, to: &buffer)
                    writer.appendErrorCode(code, reason: software, to: &buffer)
                    writer.appendUnknownAttributes(types.span, to: &buffer)
                    writer.appendFingerprint(to: &buffer)
                })
            let parsed = try Parsed(bytes)
            #expect(parsed.message.type == .bindingFailure)
            #expect(parsed.message.transaction == transaction)
            #expect(parsed.message.hasFingerprint)
            #expect(parsed.text(of: .software) == software)
            #expect(parsed.xorMappedAddress == address)
            #expect(parsed.errorCode == code)
            #expect(parsed.unknownAttributes == types)
        }
    }

    @Test func saysWhenThereIsNoRoom() {
        let enough = STUNMessage.headerSize + 24 + 8
        for room in 0...enough {
            let bytes = written(.bindingSuccess, someTransaction, room: room) { writer, buffer in
                writer.appendXORMappedAddress(clientV6, to: &buffer)
                writer.appendFingerprint(to: &buffer)
            }
            #expect((bytes != nil) == (room == enough))
        }
        let tooLong = [UInt8](repeating: 0, count: 0x10000)
        #expect(
            written(.bindingRequest, someTransaction, room: 0x20000) { writer, buffer in
                writer.append(.software, tooLong.span, to: &buffer)
            } == nil)
        #expect(
            written(.bindingFailure, someTransaction) { writer, buffer in
                writer.appendErrorCode(200, reason: "", to: &buffer)
            } == nil)
    }
}
