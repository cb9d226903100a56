/// What Swift's Glibc does not show of the socket calls: many datagrams in one system call, and the control message
/// that says which of this machine's addresses a datagram was sent to; and `eventfd(2)`.
#ifndef CSOCKETS_H
#define CSOCKETS_H

#include <poll.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

/// `struct mmsghdr`, which the C library declares for GNU sources only.
struct csockets_datagram {
    struct msghdr header;
    unsigned int length;
};

/// Bytes of control data that hold one address report of either family.
enum { csockets_control_size = 64 };

/// `recvmmsg(2)` without a timeout.
int csockets_receive(int descriptor, struct csockets_datagram *datagrams, unsigned int count, int flags);

/// `sendmmsg(2)`.
int csockets_send(int descriptor, struct csockets_datagram *datagrams, unsigned int count, int flags);

/// `ppoll(2)` without a signal mask; with a negative time it waits for however long it takes.
int csockets_wait(struct pollfd *descriptors, unsigned int count, int64_t microseconds);

/// Asks that each datagram comes with the address it was sent to (`IP_PKTINFO`, `IPV6_RECVPKTINFO`); -1 and errno.
int csockets_report_destination(int descriptor, int family);

/// Reads which of this machine's addresses a received datagram was sent to: 4 or 16 bytes in network order.
/// Returns its family; 0 when the kernel has not told.
int csockets_read_destination(const struct msghdr *header, void *address);

/// Says from which of this machine's addresses a datagram is to leave, by whatever interface the routes say. The header's
/// `msg_control` has room for `csockets_control_size` bytes; `address` is as `csockets_read_destination` reads it.
void csockets_write_source(struct msghdr *header, int family, const void *address);

#endif
