#define _GNU_SOURCE
#include "CSockets.h"

#include <netinet/in.h>

_Static_assert(sizeof(struct csockets_datagram) == sizeof(struct mmsghdr), "csockets_datagram is mmsghdr");
_Static_assert(offsetof(struct csockets_datagram, length) == offsetof(struct mmsghdr, msg_len), "the same layout");
_Static_assert(CMSG_SPACE(sizeof(struct in_pktinfo)) <= csockets_control_size, "room for IPv4");
_Static_assert(CMSG_SPACE(sizeof(struct in6_pktinfo)) <= csockets_control_size, "room for IPv6");

int csockets_receive(int descriptor, struct csockets_datagram *datagrams, unsigned int count, int flags) {
    return recvmmsg(descriptor, (struct mmsghdr *)datagrams, count, flags, NULL);
}

int csockets_send(int descriptor, struct csockets_datagram *datagrams, unsigned int count, int flags) {
    return sendmmsg(descriptor, (struct mmsghdr *)datagrams, count, flags);
}

int csockets_report_destination(int descriptor, int family) {
    const int on = 1;
    if (family == AF_INET6) return setsockopt(descriptor, IPPROTO_IPV6, IPV6_RECVPKTINFO, &on, sizeof on);
    return setsockopt(descriptor, IPPROTO_IP, IP_PKTINFO, &on, sizeof on);
}

void csockets_leave_interface_open(struct msghdr *header) {
    for (struct cmsghdr *control = CMSG_FIRSTHDR(header); control; control = CMSG_NXTHDR(header, control)) {
        if (control->cmsg_level == IPPROTO_IP && control->cmsg_type == IP_PKTINFO)
            ((struct in_pktinfo *)CMSG_DATA(control))->ipi_ifindex = 0;
        else if (control->cmsg_level == IPPROTO_IPV6 && control->cmsg_type == IPV6_PKTINFO)
            ((struct in6_pktinfo *)CMSG_DATA(control))->ipi6_ifindex = 0;
    }
}
