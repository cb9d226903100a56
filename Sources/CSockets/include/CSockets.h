/// What Swift's Glibc does not show of the socket calls: many datagrams in one system call, and the control message
/// that says which of this machine's addresses a datagram was sent to; and `eventfd(2)`.
#ifndef CSOCKETS_H
#define CSOCKETS_H

#include <stddef.h>
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

/// Asks that each datagram comes with the address it was sent to (`IP_PKTINFO`, `IPV6_RECVPKTINFO`); -1 and errno.
int csockets_report_destination(int descriptor, int family);

/// Makes a received address report one to send with: from that address, by whatever interface the routes say.
void csockets_leave_interface_open(struct msghdr *header);

#endif
