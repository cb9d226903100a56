package import Accounts
package import Composition
package import Delivery
import FrameDispatch
import NIOConcurrencyHelpers
package import Primitives
package import Wire

/// A device's socket with no client behind it: a caller waits for the answer to its command, and events are discarded.
package final class AnswerSocket: ClientSocket {
    private struct State {
        var asked: UInt32 = 0
        var asking: [UInt32: CheckedContinuation<WireServerFrame, Never>] = [:]
    }

    /// The device and its user.
    package let identity: Identity
    /// Does not matter; answers are not encoded here.
    package let encoding = Encoding.protobuf
    /// As the tests want it.
    package let number: UInt64 = 1
    private let state = NIOLockedValueBox(State())

    /// Attaches a socket for a device.
    package init(_ profile: Profile, _ device: DeviceID, at backend: Backend) {
        identity = Identity(
            profile: profile, session: SessionID(high: device.high, low: device.low), device: device)
        _ = backend.registry.admit(self, of: identity, limit: 1) { _, _ in }
        backend.registry.announce(to: backend.calls)
    }

    /// Sends a command with a number of its own, and waits for the answer.
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

    /// Passes an answer to the caller that waits for it.
    package func reply(_ frame: WireServerFrame) {
        state.withLockedValue { $0.asking.removeValue(forKey: frame.replyTo) }?.resume(returning: frame)
    }

    /// Nobody reads events.
    package func enqueue(_ event: NumberedEvent) -> Bool { false }
    /// Nothing is queued.
    package func wake() {}
    /// Nothing is open.
    package func close(_ code: CloseCode) {}
}
