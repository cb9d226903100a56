import Foundation

/// The messages of Sources/Wire/Proto, read from there, so that no test misses a field that was added.
struct Schema: Sendable {
    /// A field of a message.
    struct Field: Sendable {
        var name: String
        var number: Int
        /// As written: `string`, or the name of a message or an enumeration.
        var type: String
        var isRepeated: Bool

        /// The name in canonical JSON.
        var jsonName: String {
            let words = name.split(separator: "_")
            return words.dropFirst().reduce(String(words[0])) { $0 + $1.prefix(1).uppercased() + $1.dropFirst() }
        }
    }

    /// By name.
    private(set) var messages: [String: [Field]] = [:]
    /// The messages with a oneof.
    private(set) var choosing: Set<String> = []

    init() throws {
        let folder = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../../Sources/Wire/Proto")
        for file in ["ringback.proto", "rest.proto"] {
            var message: String?
            var depth = 0
            for line in try String(contentsOf: folder.appending(path: file), encoding: .utf8).split(separator: "\n") {
                let words = line.split(separator: " ")
                guard let first = words.first, !first.hasPrefix("//") else { continue }
                if first == "message", depth == 0 {
                    message = String(words[1])
                    messages[String(words[1])] = []
                }
                if let message, depth > 0, let field = Field(words) { messages[message]?.append(field) }
                if let message, first == "oneof" { choosing.insert(message) }
                depth += line.count { $0 == "{" } - line.count { $0 == "}" }
                if depth == 0 { message = nil }
            }
        }
    }

    /// The fields of a message; nil when there is no such message.
    func fields(of type: String) -> [Field]? { messages[type] }
}

extension Schema.Field {
    /// Reads `[repeated|optional] TYPE NAME = NUMBER;`.
    fileprivate init?(_ words: [Substring]) {
        var words = words[...]
        isRepeated = words.first == "repeated"
        if isRepeated || words.first == "optional" { words = words.dropFirst() }
        guard words.count == 4, words[words.startIndex + 2] == "=",
            let number = Int(words[words.startIndex + 3].dropLast())
        else { return nil }
        type = String(words[words.startIndex])
        name = String(words[words.startIndex + 1])
        self.number = number
    }
}
