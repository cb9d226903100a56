import CCrypt

/// bcrypt as libxcrypt computes it.
enum Bcrypt {
    /// The prefix of our hashes. We also verify `$2a$` and `$2y$`, which other programs write.
    static let prefix = "$2b$"

    /// The cost written in a hash, or nil when it is not a whole bcrypt hash.
    static func cost(of hash: String) -> Int? {
        let bytes = Array(hash.utf8)
        guard bytes.count == 60, bytes[0] == UInt8(ascii: "$"), bytes[1] == UInt8(ascii: "2"),
            [UInt8(ascii: "a"), UInt8(ascii: "b"), UInt8(ascii: "y")].contains(bytes[2]),
            bytes[3] == UInt8(ascii: "$"), bytes[6] == UInt8(ascii: "$"),
            let cost = Int(String(decoding: bytes[4..<6], as: UTF8.self)), (4...31).contains(cost)
        else { return nil }
        return cost
    }

    /// A new salt from the system's randomness, with the cost in front; nil when the system has none.
    static func salt(cost: Int) -> String? {
        unsafe withUnsafeTemporaryAllocation(of: CChar.self, capacity: Int(CRYPT_GENSALT_OUTPUT_SIZE)) { output in
            guard
                let salt = unsafe crypt_gensalt_rn(
                    prefix, UInt(cost), nil, 0, output.baseAddress, Int32(output.count))
            else { return nil }
            return unsafe String(cString: salt)
        }
    }

    /// A salt of one character, for a hash that is thrown away.
    static func salt(cost: Int, of character: Character) -> String {
        "\(prefix)\(cost < 10 ? "0" : "")\(cost)$" + String(repeating: character, count: 22)
    }

    /// The hash of a password under a salt, or under the salt of another hash; nil when the salt is malformed.
    static func hash(_ password: String, salt: String) -> String? {
        // 32 KiB: too much for the stack of a small thread.
        let size = MemoryLayout<crypt_data>.size
        let data = UnsafeMutableRawPointer.allocate(byteCount: size, alignment: MemoryLayout<crypt_data>.alignment)
        unsafe data.initializeMemory(as: UInt8.self, repeating: 0, count: size)
        defer { unsafe data.deallocate() }
        guard let hash = unsafe crypt_rn(password, salt, data, Int32(size)) else { return nil }
        return unsafe String(cString: hash)
    }

    /// Whether two texts are equal, in a time that depends only on their lengths.
    static func isEqual(_ left: String, _ right: String) -> Bool {
        let (left, right) = (Array(left.utf8), Array(right.utf8))
        guard left.count == right.count else { return false }
        var difference: UInt8 = 0
        for index in left.indices { difference |= left[index] ^ right[index] }
        return difference == 0
    }
}
