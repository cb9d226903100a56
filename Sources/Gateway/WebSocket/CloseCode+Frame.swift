import Delivery
import NIOCore
import NIOWebSocket

extension CloseCode {
    /// The payload of the close frame.
    func payload(allocator: ByteBufferAllocator) -> ByteBuffer {
        var buffer = allocator.buffer(capacity: 2 + reason.utf8.count)
        buffer.writeInteger(rawValue)
        buffer.writeString(reason)
        return buffer
    }
}
