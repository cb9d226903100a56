import Storage
import Testing

struct NotedFactsTests {
    @Test("What is noted is no news, until there is too much of it")
    func notedOnce() {
        let noted = NotedFacts<Int>(limit: 3)
        #expect(noted.news(among: [1, 2]) == [1, 2])
        noted.note([1])
        #expect(noted.news(among: [1, 2]) == [2])
        noted.note([2, 3])
        #expect(noted.news(among: [1, 2, 3, 4]) == [4])
        // What is noted already takes no room.
        noted.note([1])
        #expect(noted.news(among: [1, 2, 3]).isEmpty)
        noted.note([4])
        #expect(noted.news(among: [1, 2, 3, 4]) == [1, 2, 3])
    }
}
