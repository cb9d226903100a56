import Primitives
import Storage
import Testing

@Suite struct PageCursorTests {
    private static let call = CallID(high: 1, low: 2)

    @Test(arguments: [
        PageCursor(at: Instant(microseconds: 0), id: call),
        PageCursor(at: Instant(microseconds: 1_700_000_000_000_001), id: call),
        .newest,
    ])
    func isReadAsItWasWritten(cursor: PageCursor<Named.Call>) {
        #expect(PageCursor(cursor.description) == cursor)
    }

    @Test(arguments: [
        "", "1", "1_x", "x_\(call)", "-1_\(call)", "1_2_\(call)", "253402300799000001_\(call)", "1_\(call)_",
    ])
    func nothingElseIsOne(text: String) {
        #expect(PageCursor<Named.Call>(text) == nil)
    }
}
