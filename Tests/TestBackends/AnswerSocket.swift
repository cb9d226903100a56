package import Accounts
package import Composition
package import Delivery
import FrameDispatch
import NIOConcurrencyHelpers
package import Primitives
package import Wire

/// A device's socket that nothing is behind: who has asked something waits for the answer, and events go nowhere.
package final class AnswerSocket: ClientSocket {
    private struct State {
        var asked: UInt32 = 0
        var asking: [UInt32: CheckedContinuation<WireServerFrame, Never>] = [:]
    }

    /// Which device of which user it is.
    package let identity: Identity
    /// Whichever; answers are not encoded here.
    package let encoding = Encoding.protobuf
    /// As the tests want it.
    package let number: UInt64 = 1
    private let state = NIOLockedValueBox(State())

    /// A socket of a device, let in.
    package init(_ profile: Profile, _ device: DeviceID, at backend: Backend) {
        identity = Identity(
            profile: profile, session: SessionID(high: device.high, low: device.low), device: device)
        _ = backend.registry.admit(self, of: identity, limit: 1) { _, _ in }
        backend.registry.announce(to: backend.calls)
    }

    /// Asks something under a number of its own, and waits for the answer.
    package func answer(_ ask: (_ id: UInt32) -> Void) async -> WireServerFrame {
        await withCheckedContinuation { continuation in
            let id = state.withLockedValue { state in
                state.asked += 1
                state.asking[state.asked] = continuation
                return state.asked
            }
            ask(id)
        }
    }

    /// Gives an answer to who waits for it.
    package func reply(_ frame: WireServerFrame) {
        state.withLockedValue { $0.asking.removeValue(forKey: frame.replyTo) }?.resume(returning: frame)
    }

    /// Nobody reads it.
    package func enqueue(_ event: NumberedEvent) -> Bool { false }
    /// Nothing stands in line.
    package func wake() {}
    /// Nothing is open.
    package func close(_ code: CloseCode) {}
}
