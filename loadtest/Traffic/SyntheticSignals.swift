import Wire

/// Session descriptions and candidates of the usual size, not meant for a media stack: the server never reads them.
struct SyntheticSignals: Sendable {
    /// The offer and the answer, each of `descriptionBytes`.
    let offer: String
    let answer: String
    /// One text for each candidate.
    let candidates: [String]

    /// Makes the signals that every call of a run uses.
    init(descriptionBytes: Int = 3 * 1024, candidateCount: Int = 10) {
        offer = Self.description(session: 1, bytes: descriptionBytes)
        answer = Self.description(session: 2, bytes: descriptionBytes)
        candidates = (0..<candidateCount).map { index in
            "candidate:\(index + 1) 1 udp \(2_122_260_223 - index) 192.0.2.\(index + 1) \(50_000 + index) typ host"
        }
    }

    /// A description (RFC 8866) padded with attribute lines.
    static func description(session: Int, bytes: Int) -> String {
        var text = "v=0\r\no=- \(session) 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\nm=audio 9 UDP/TLS/RTP/SAVPF 111\r\n"
        let line = "a=x-load:the server passes this line on as it is\r\n"
        while text.utf8.count + line.utf8.count + 4 <= bytes { text += line }
        let rest = bytes - text.utf8.count
        return rest >= 4 ? text + "a=" + String(repeating: "x", count: rest - 4) + "\r\n" : text
    }
}
