import MediaCore
import Testing

@Suite struct STUNMessageTests {
    @Test func readsTheRequest() throws {
        let bytes = Vector.request.bytes
        let parsed = try Parsed(bytes)
        #expect(parsed.message.type == .bindingRequest)
        #expect(parsed.message.transaction == someTransaction)
        #expect(parsed.message.hasFingerprint)
        #expect(parsed.message.integrityOffset == 76)
        #expect(parsed.text(of: .software) == "STUN test client")
        #expect(parsed.text(of: .username) == "evtj:h6vY")
        #expect(parsed.value(of: .priority) == 44..<48)
        #expect(parsed.value(of: .iceControlled) == 52..<60)
        #expect(parsed.value(of: .useCandidate) == nil)
        #expect(parsed.xorMappedAddress == nil)
        #expect(parsed.errorCode == nil)
        #expect(parsed.unknownAttributes == nil)
    }

    @Test(arguments: [(Vector.responseV4, clientV4), (Vector.responseV6, clientV6)])
    func readsTheResponses(vector: Vector, address: TransportAddress) throws {
        let parsed = try Parsed(vector.bytes)
        #expect(parsed.message.type == .bindingSuccess)
        #expect(parsed.message.hasFingerprint)
        #expect(parsed.text(of: .software) == "test vector")
        #expect(parsed.xorMappedAddress == address)
        #expect(parsed.message.integrityOffset == vector.bytes.count - 32)
    }

    @Test func readsTheLongTermRequest() throws {
        let bytes = Vector.longTermRequest.bytes
        let parsed = try Parsed(bytes)
        #expect(parsed.message.transaction == STUNTransactionID(high: 0x78AD_3433, low: 0xC6AD_72C0_29DA_412E))
        #expect(!parsed.message.hasFingerprint)
        #expect(parsed.message.integrityOffset == 92)
        #expect(parsed.text(of: .username) == "マトリックス")
        #expect(parsed.text(of: .nonce) == "f//499k954d6OL34oL9FSTvy64sA")
        #expect(parsed.text(of: .realm) == "example.org")
    }

    @Test(arguments: Vector.all)
    func refusesEveryTruncation(vector: Vector) {
        for count in 0..<vector.bytes.count {
            #expect(throws: STUNError.self) { try Parsed(Array(vector.bytes[..<count])) }
        }
        #expect(throws: STUNError.self) { try Parsed(vector.bytes + [0]) }
        #expect(throws: STUNError.self) { try Parsed(vector.bytes + [0, 0, 0, 0]) }
    }

    /// The same with a length field that fits the rest, so that the attributes themselves are cut.
    @Test(arguments: Vector.all)
    func neverTrapsOnCutAttributes(vector: Vector) {
        for count in stride(from: STUNMessage.headerSize, to: vector.bytes.count, by: 4) {
            var bytes = Array(vector.bytes[..<count])
            bytes[2] = 0
            bytes[3] = UInt8(count - STUNMessage.headerSize)
            guard let parsed = try? Parsed(bytes) else { continue }
            #expect(!parsed.message.hasFingerprint)
            #expect(parsed.attributes.allSatisfy { $0.value.upperBound <= count })
        }
    }

    @Test(arguments: [Vector.request, .responseV4, .responseV6])
    func noticesEveryFlippedBit(vector: Vector) {
        for index in vector.bytes.indices {
            for bit in 0..<8 {
                var bytes = vector.bytes
                bytes[index] ^= 1 << bit
                // A different type, or a longer attribute before it, leaves a message without a fingerprint.
                guard let parsed = try? Parsed(bytes) else { continue }
                #expect(!parsed.message.hasFingerprint)
            }
        }
    }

    @Test func saysWhatIsWrong() {
        func code(_ bytes: [UInt8]) -> STUNError.Code? {
            do {
                _ = try STUNMessage(bytes.span)
                return nil
            } catch {
                return error.code
            }
        }
        let header = hexadecimal("0001 0000 2112a442 b7e7a701bc34d686fa87dfae")
        #expect(code(header) == nil)
        #expect(code([]) == .tooShort)
        #expect(code(hexadecimal("4001 0000 2112a442 b7e7a701bc34d686fa87dfae")) == .notSTUN)
        #expect(code(hexadecimal("0001 0000 2112a443 b7e7a701bc34d686fa87dfae")) == .notSTUN)
        #expect(code(hexadecimal("0001 0002 2112a442 b7e7a701bc34d686fa87dfae 0000")) == .badLength)
        #expect(code(hexadecimal("0001 0008 2112a442 b7e7a701bc34d686fa87dfae 80220004")) == .badLength)
        #expect(code(hexadecimal("0001 0004 2112a442 b7e7a701bc34d686fa87dfae 80220004")) == .badAttribute)
        #expect(code(hexadecimal("0001 0004 2112a442 b7e7a701bc34d686fa87dfae 8022ffff")) == .badAttribute)
        #expect(code(hexadecimal("0001 0008 2112a442 b7e7a701bc34d686fa87dfae 00080004 00000000")) == .badAttribute)
        #expect(code(hexadecimal("0001 0004 2112a442 b7e7a701bc34d686fa87dfae 80280000")) == .badAttribute)
        #expect(code(hexadecimal("0001 0008 2112a442 b7e7a701bc34d686fa87dfae 80280004 00000000")) == .wrongFingerprint)
    }

    /// The fingerprint itself is right for the length field, which includes the late attribute.
    @Test func nothingFollowsAFingerprint() {
        let header = hexadecimal("0001 0010 2112a442 b7e7a701bc34d686fa87dfae")
        let value = fingerprint(of: header[...])
        let right = (0..<4).map { UInt8(truncatingIfNeeded: value >> (24 - 8 * $0)) }
        let error = #expect(throws: STUNError.self) {
            try Parsed(header + [0x80, 0x28, 0, 4] + right + hexadecimal("80220004 6c617465"))
        }
        #expect(error?.code == .badAttribute)
    }

    @Test func passesOverWhatFollowsTheIntegrity() throws {
        let hash = [UInt8](repeating: 7, count: 20)
        let bytes = try #require(
            written(.bindingRequest, someTransaction) { writer, buffer in
                writer.append(.username, text: "a:b", to: &buffer)
                writer.append(.messageIntegrity, hash.span, to: &buffer)
                writer.append(.realm, text: "injected", to: &buffer)
                writer.append(.messageIntegritySHA256, hash.span, to: &buffer)
                writer.append(.messageIntegrity, hash.span, to: &buffer)
                writer.appendFingerprint(to: &buffer)
            })
        let parsed = try Parsed(bytes)
        #expect(parsed.message.integrityOffset == 28)
        #expect(parsed.text(of: .realm) == nil)
        #expect(parsed.attributes.map(\.type) == [.username, .messageIntegrity, .messageIntegritySHA256, .fingerprint])
    }

    @Test func typesKeepTheirBits() {
        #expect(STUNMessageType.bindingRequest.code == 0x0001)
        #expect(STUNMessageType.bindingIndication.code == 0x0011)
        #expect(STUNMessageType.bindingSuccess.code == 0x0101)
        #expect(STUNMessageType.bindingFailure.code == 0x0111)
        for code in 0...UInt16(0x3FFF) {
            #expect(STUNMessageType(code: code)?.code == code)
        }
        for code in 0x4000...UInt16.max where STUNMessageType(code: code) != nil {
            Issue.record("\(code) was taken for a type")
        }
    }
}
