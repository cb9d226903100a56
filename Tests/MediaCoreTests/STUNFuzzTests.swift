import MediaCore
import Testing

/// SplitMix64: the same numbers on every run.
struct SeededGenerator: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var number = state
        number = (number ^ number >> 30) &* 0xBF58_476D_1CE4_E5B9
        number = (number ^ number >> 27) &* 0x94D0_49BB_1331_11EB
        return number ^ number >> 31
    }
}

@Suite struct STUNFuzzTests {
    @Test(.timeLimit(.minutes(5)), arguments: 1...4 as ClosedRange<UInt64>)
    func neverTrapsAndNeverTalksToItself(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        var outcomes = (answered: 0, silent: 0, malformed: 0)
        for _ in 0..<50_000 {
            let datagram = mutated(&random)
            let source = Bool.random(using: &random) ? clientV4 : clientV6
            readEverything(of: datagram)
            let (outcome, answer) = responded(to: datagram, from: source)
            switch outcome {
            case .answer: outcomes.answered += 1
            case .silence: outcomes.silent += 1
            case .malformed: outcomes.malformed += 1
            }
            guard let answer else { continue }
            // A bare header, and one with FINGERPRINT, get just the address.
            let isOfBrowsers = datagram.count == 20 || datagram.count == 28
            if answer.count > STUNResponder.longestAnswer || answer.count > (isOfBrowsers ? 44 : datagram.count * 3 / 2)
            {
                Issue.record("\(answer.count) bytes in answer to \(datagram)")
            }
            // Another responder of the same kind does not answer the answer.
            if responded(to: answer, from: clientV6).outcome != .silence {
                Issue.record("an answer was answered: \(answer)")
            }
        }
        // All three outcomes occurred often, otherwise the mutations are too strong or too weak to show anything.
        #expect(outcomes.answered > 5_000 && outcomes.silent > 2_000 && outcomes.malformed > 5_000, "\(outcomes)")
    }

    /// One of the vectors or a plain request, changed here and there, with its length and fingerprint usually fixed, so
    /// that the change gets past the first checks.
    private func mutated(_ random: inout SeededGenerator) -> [UInt8] {
        let plain = hexadecimal("0001 0000 2112a442 b7e7a701bc34d686fa87dfae")
        var bytes = ([plain] + Vector.all.map(\.bytes)).randomElement(using: &random) ?? plain
        for _ in 0..<Int.random(in: 0...4, using: &random) {
            // Earlier mutations may have left nothing.
            let place = Int.random(in: 0...bytes.count, using: &random)
            switch Int.random(in: 0..<7, using: &random) {
            case 0 where place < bytes.count: bytes[place] ^= 1 << UInt8.random(in: 0..<8, using: &random)
            case 1 where place < bytes.count: bytes[place] = random.next()
            case 2 where place + 4 <= bytes.count: bytes.removeSubrange(place..<place + 4)
            case 3: bytes.removeSubrange(place...)
            case 4:
                let filling = (0..<Int.random(in: 0...8, using: &random)).map { _ in random.next() as UInt8 }
                bytes.insert(contentsOf: filling, at: place)
            case 5:
                let type = random.next() & 0x803F as UInt16
                let size = UInt8.random(in: 0...12, using: &random)
                bytes += [UInt8(type >> 8), UInt8(type & 0xFF), 0, size]
                bytes += (0..<Int(size + 3) / 4 * 4).map { _ in random.next() as UInt8 }
            default:
                if bytes.count >= 2 { bytes[1] = [0x01, 0x11, 0x03, 0x17].randomElement(using: &random) ?? 0 }
            }
        }
        return Int.random(in: 0..<4, using: &random) == 0 ? bytes : mended(bytes)
    }

    /// With the right length field and, if it ends in a fingerprint, the right fingerprint.
    private func mended(_ bytes: [UInt8]) -> [UInt8] {
        var bytes = bytes
        guard bytes.count >= STUNMessage.headerSize else { return bytes }
        let length = UInt16(bytes.count - STUNMessage.headerSize)
        (bytes[2], bytes[3]) = (UInt8(length >> 8), UInt8(length & 0xFF))
        let end = bytes.count - 8
        if end >= STUNMessage.headerSize, Array(bytes[end..<end + 4]) == [0x80, 0x28, 0, 4] {
            let fingerprint = fingerprint(of: bytes[..<end])
            for index in 0..<4 { bytes[end + 4 + index] = UInt8(truncatingIfNeeded: fingerprint >> (24 - 8 * index)) }
        }
        return bytes
    }

    /// Calls every reader, on the message itself and on foreign bytes.
    private func readEverything(of datagram: [UInt8]) {
        guard let message = try? STUNMessage(datagram.span) else { return }
        for bytes in [datagram, Array(datagram.dropLast(3)), Vector.request.bytes, []] {
            let span = bytes.span
            for type in [STUNAttributeType.username, .software, .realm, .nonce] { _ = message.text(of: type, in: span) }
            _ = message.xorMappedAddress(in: span)
            _ = message.errorCode(in: span)
            _ = message.unknownAttributes(in: span)
        }
    }
}
