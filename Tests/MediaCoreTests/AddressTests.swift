import MediaCore
import Testing

@Suite struct AddressTests {
    @Test(arguments: [
        ("0.0.0.0", "0.0.0.0"), ("192.0.2.1", "192.0.2.1"), ("255.255.255.255", "255.255.255.255"),
        ("::", "::"), ("::1", "::1"), ("1::", "1::"), ("2001:DB8::0001", "2001:db8::1"),
        ("2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1"), ("2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1"),
        ("2001:0:0:1:0:0:0:1", "2001:0:0:1::1"), ("1:2:3:4:5:6:7:8", "1:2:3:4:5:6:7:8"),
        ("1:2:3:4:5:6:7::", "1:2:3:4:5:6:7:0"), ("::2:3:4:5:6:7:8", "0:2:3:4:5:6:7:8"),
        ("::ffff:192.0.2.1", "::ffff:c000:201"), ("64:ff9b::192.0.2.33", "64:ff9b::c000:221"),
    ])
    func readsAndWrites(text: String, canonical: String) throws {
        let address = try #require(IPAddress(text))
        #expect(address.description == canonical)
        #expect(IPAddress(canonical) == address)
    }

    @Test(arguments: [
        "", ".", "1.2.3", "1.2.3.4.5", "1.2.3.256", "01.2.3.4", "1.2.3.+4", "1.2.3.-4", "1..3.4", " 1.2.3.4",
        "1.2.3.4 ",
        ":", ":::", "1:2:3:4:5:6:7", "1:2:3:4:5:6:7:8:9", "1::2::3", "1:2:3:4:5:6:7:8::", "12345::", "::g", "::+1",
        "::-1",
        "1.2.3.4::", "::1.2.3.4:5", "::1.2.3", "fe80::1%eth0", "1:2:3:4::5:6:7:8", ":1:2:3:4:5:6:7", "[::1]",
    ])
    func refuses(text: String) {
        #expect(IPAddress(text) == nil)
    }

    @Test func readsBackWhateverItWrites() {
        var random = SeededGenerator(seed: 5)
        for _ in 0..<2000 {
            // Masks make zero groups, and so gaps, frequent.
            let mask = (0..<4).reduce(UInt64(0)) { rest, _ in rest << 16 | (Bool.random(using: &random) ? 0xFFFF : 0) }
            let address = IPAddress.v6(high: random.next() & mask, low: random.next() & ~mask)
            #expect(IPAddress(address.description) == address)
        }
    }

    @Test func showsThePort() {
        #expect(clientV4.description == "192.0.2.1:32853")
        #expect(clientV6.description == "[2001:db8:1234:5678:11:2233:4455:6677]:32853")
    }

    @Test func tellsProtocolsByTheFirstByte() {
        for byte in 0...UInt8.max {
            let kind: DatagramKind? =
                switch byte {
                case ..<4: .stun
                case 16..<20: .zrtp
                case 20..<64: .dtls
                case 64..<80: .turnChannel
                case 128..<192: .media
                default: nil
                }
            #expect(DatagramKind(firstByte: byte) == kind)
        }
    }
}
