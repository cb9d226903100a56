/// Work that waits in lines: one for each place that it comes from, and within each place one for each name. The places
/// take turns, and so do the names within a place: those who bring much wait for it, and nobody else does.
///
/// A full queue drops the newest entry of the place with the most in it. Only the lines are kept: a place with nothing
/// in the queue is forgotten.
struct FairQueue<Element: Sendable>: Sendable {
    private struct Line: Sendable {
        var name: String
        var waiting: [Element]
    }

    private struct Place: Sendable {
        var name: String
        /// In turn order; none is empty.
        var lines: [Line]
        var count: Int
    }

    private let limit: Int
    private let placeLimit: Int
    /// In turn order; none is empty.
    private var places: [Place] = []

    /// How much is waiting.
    private(set) var count = 0

    /// Makes an empty queue.
    /// - Parameters:
    ///   - limit: How much may wait in total, at least 1.
    ///   - placeLimit: How much of one place may wait, at least 1.
    init(limit: Int, placeLimit: Int) {
        self.limit = max(1, limit)
        self.placeLimit = max(1, placeLimit)
    }

    /// Puts something at the end of its line.
    /// - Returns: What was dropped for it, if the queue is full; that may be the new entry itself.
    mutating func add(_ element: Element, place: String, name: String) -> Element? {
        let index: Int
        if let known = places.firstIndex(where: { $0.name == place }) {
            index = known
        } else {
            index = places.endIndex
            places.append(Place(name: place, lines: [], count: 0))
        }
        if let line = places[index].lines.firstIndex(where: { $0.name == name }) {
            places[index].lines[line].waiting.append(element)
        } else {
            places[index].lines.append(Line(name: name, waiting: [element]))
        }
        places[index].count += 1
        count += 1
        if places[index].count > placeLimit { return turnAway(from: index, newcomer: name) }
        guard count > limit else { return nil }
        // Among equals the new entry is dropped: earlier ones keep their place.
        let heaviest = places.indices.max { places[$0].count < places[$1].count } ?? index
        return places[heaviest].count > places[index].count
            ? turnAway(from: heaviest, newcomer: nil) : turnAway(from: index, newcomer: name)
    }

    /// Removes the entry whose turn it is.
    mutating func next() -> Element? {
        guard var place = places.first, var line = place.lines.first else { return nil }
        places.removeFirst()
        place.lines.removeFirst()
        let element = line.waiting.removeFirst()
        if !line.waiting.isEmpty { place.lines.append(line) }
        place.count -= 1
        if !place.lines.isEmpty { places.append(place) }
        count -= 1
        return element
    }

    /// Removes the newest entry of the longest line of a place.
    private mutating func turnAway(from index: Int, newcomer: String?) -> Element? {
        let lines = places[index].lines
        let longest = lines.map(\.waiting.count).max() ?? 0
        let candidates = lines.indices.filter { lines[$0].waiting.count == longest }
        guard let line = candidates.first(where: { lines[$0].name == newcomer }) ?? candidates.last else { return nil }
        let element = places[index].lines[line].waiting.removeLast()
        if places[index].lines[line].waiting.isEmpty { places[index].lines.remove(at: line) }
        places[index].count -= 1
        if places[index].lines.isEmpty { places.remove(at: index) }
        count -= 1
        return element
    }
}
