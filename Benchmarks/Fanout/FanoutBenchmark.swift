import ArgumentParser
import Wire

/// What one mute costs: from the command to the encoded frames that the recipients' sessions were handed.
@main
struct FanoutBenchmark: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "fanout",
        abstract: "Measure the cost of one mute in a call, by the number of recipients.",
        discussion: """
            Each person has one device, and all devices one encoding. The limit of people in a call is raised to fit. The \
            figures are medians of repeats that are interleaved; processor time is that of the thread that does it all.
            """)

    @Option(name: .long, help: "How many people are told of the mute.")
    var recipients = [2, 10, 100, 1000]

    @Option(name: .long, help: "How often each mute is repeated.")
    var repeats = 101

    func validate() throws {
        guard repeats > 0, recipients.allSatisfy({ $0 > 0 && $0 <= 5000 }) else {
            throw ValidationError("There has to be a repeat, and there may be from 1 to 5000 recipients.")
        }
    }

    func run() throws {
        var rooms = try recipients.flatMap { count in
            try Encoding.allCases.map { try Room(recipients: count, encoding: $0) }
        }
        // The first of each includes one-time setup and is not a sample.
        for repetition in 0...repeats {
            for index in rooms.indices { try rooms[index].mute(isSample: repetition > 0) }
        }
        print("| recipients | encoding | CPU of a mute, µs | floor, µs | bytes of a frame | bytes in all |")
        print("|---:|---|---:|---:|---:|---:|")
        for room in rooms { print(room.row) }
    }
}
