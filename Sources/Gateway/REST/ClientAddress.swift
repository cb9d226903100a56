/// The address of the client whose connection is served by this task.
///
/// The request's own channel forgets its address when it is closed, and a request may be answered after that; what it
/// does is counted by the address all the same.
enum ClientAddress {
    /// As text; empty outside of a connection.
    @TaskLocal static var current = ""
}
