/// Checks repeatedly while a condition holds; the suite's time limit ends it.
func wait(while condition: () async throws -> Bool) async throws {
    while try await condition() {
        try Task.checkCancellation()
        await Task.yield()
    }
}
