import SwiftProtobuf
import Testing
import Wire

/// Names of enumeration values that the schema does not have.
@Suite struct UnknownNamesTests {
    @Test(arguments: [
        (#"{"whoCanCall":"WHO_CAN_CALL_FRIENDS"}"#, "whoCanCall"),
        (#"{"who_can_call":"NOBODY"}"#, "who_can_call"),
        (#"{"callWaiting":true,"fromTheFuture":{"a":[1,null]},"whoCanCall":""}"#, "whoCanCall"),
        (#"{"\u0077hoCanCall":"who_can_call_nobody"}"#, "whoCanCall"),
    ])
    func areRefusedWithTheirField(text: String, field: String) throws {
        let fault = #expect(throws: WireFault.self) {
            try Encoding.decodeKnownNames(WireChangeCallSettingsRequest.self, fromJSON: Array(text.utf8))
        }
        #expect(fault?.code == .malformed)
        #expect(fault?.message == "\(field) has a value that this server does not know.")
        // It is different where newer peers may send more than is understood.
        #expect(throws: Never.self) {
            try Encoding.json.decode(WireChangeCallSettingsRequest.self, from: Array(text.utf8))
        }
    }

    @Test(arguments: [
        "{}", #"{"whoCanCall":null}"#, #"{"whoCanCall":"WHO_CAN_CALL_NOBODY"}"#, #"{"whoCanCall":3}"#,
        #"{"fromTheFuture":"WHO_CAN_CALL_FRIENDS","callWaiting":false}"#, #"{"fromTheFuture":[[[{}]]]}"#,
    ])
    func otherThingsAreTaken(text: String) throws {
        let bytes = Array(text.utf8)
        let read = try Encoding.decodeKnownNames(WireChangeCallSettingsRequest.self, fromJSON: bytes)
        #expect(try read == Encoding.json.decode(WireChangeCallSettingsRequest.self, from: bytes))
    }

    @Test(arguments: ["", "{", "[]", "7", #"{"callWaiting":"x"}"#, #"{"fromTheFuture":1e400,"whoCanCall":"X"}"#])
    func whatIsMalformedStaysSo(text: String) {
        let fault = #expect(throws: WireFault.self) {
            try Encoding.decodeKnownNames(WireChangeCallSettingsRequest.self, fromJSON: Array(text.utf8))
        }
        #expect(fault?.code == .malformed)
    }
}
