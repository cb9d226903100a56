import Primitives
import Testing
import Wire

@testable import FrameDispatch

/// Commands before they reach a call.
@Suite struct ClientCommandTests {
    /// A command that needs a value of an enumeration is refused when the schema does not have it, by name or by number.
    @Test(
        arguments: [
            #""callInvite":{"clientCallId":"ID","userId":"ID","type":VALUE}"#,
            #""callSetRole":{"commandId":"ID","callId":"ID","userId":"ID","role":VALUE}"#,
            #""callStopMedia":{"commandId":"ID","callId":"ID","userId":"ID","medium":VALUE}"#,
            #""sendDescription":{"callId":"ID","userId":"ID","description":{"type":VALUE,"sdp":"v=0"}}"#,
        ], [#""HOLOGRAM""#, #""""#, "77", "-1", "0", "null"])
    func anUnknownNameIsInvalid(command: String, value: String) throws {
        let user = UserID.random(at: Instant(microseconds: 0))
        let text = "{\(command)}".replacing("\"ID\"", with: "\"\(user)\"").replacing("VALUE", with: value)
        let frame = try Encoding.json.decode(WireClientFrame.self, from: Array(text.utf8))
        let fault = #expect(throws: Fault.self) {
            try ClientCommand(wire: frame.command, from: user, limits: FieldLimits())
        }
        #expect(fault?.code == .invalid)
        #expect(fault?.message.contains(" is n") == true, "\(fault?.message ?? "")")
    }
}
