#define _GNU_SOURCE
#include "CSockets.h"

#include <netinet/in.h>
#include <string.h>
#include <time.h>

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

int csockets_wait(struct pollfd *descriptors, unsigned int count, int64_t microseconds) {
    const struct timespec time = {.tv_sec = microseconds / 1000000, .tv_nsec = microseconds % 1000000 * 1000};
    return ppoll(descriptors, count, microseconds < 0 ? NULL : &time, NULL);
}

int csockets_report_destination(int descriptor, int family) {
    const int on = 1;
    if (family == AF_INET6) return setsockopt(descriptor, IPPROTO_IPV6, IPV6_RECVPKTINFO, &on, sizeof on);
    return setsockopt(descriptor, IPPROTO_IP, IP_PKTINFO, &on, sizeof on);
}

int csockets_read_destination(const struct msghdr *header, void *address) {
    for (struct cmsghdr *control = CMSG_FIRSTHDR(header); control;
         control = CMSG_NXTHDR((struct msghdr *)header, control)) {
        if (control->cmsg_level == IPPROTO_IP && control->cmsg_type == IP_PKTINFO) {
            // ipi_addr is the address in the packet, which may be a broadcast; ipi_spec_dst is the one to answer from.
            memcpy(address, &((struct in_pktinfo *)CMSG_DATA(control))->ipi_spec_dst, sizeof(struct in_addr));
            return AF_INET;
        }
        if (control->cmsg_level == IPPROTO_IPV6 && control->cmsg_type == IPV6_PKTINFO) {
            memcpy(address, &((struct in6_pktinfo *)CMSG_DATA(control))->ipi6_addr, sizeof(struct in6_addr));
            return AF_INET6;
        }
    }
    return 0;
}

void csockets_write_source(struct msghdr *header, int family, const void *address) {
    struct in_pktinfo info = {0};
    struct in6_pktinfo info6 = {0};
    const int isIPv6 = family == AF_INET6;
    const size_t size = isIPv6 ? sizeof info6 : sizeof info;
    header->msg_controllen = CMSG_SPACE(size);
    struct cmsghdr *control = CMSG_FIRSTHDR(header);
    control->cmsg_level = isIPv6 ? IPPROTO_IPV6 : IPPROTO_IP;
    control->cmsg_type = isIPv6 ? IPV6_PKTINFO : IP_PKTINFO;
    control->cmsg_len = CMSG_LEN(size);
    if (isIPv6) {
        memcpy(&info6.ipi6_addr, address, sizeof info6.ipi6_addr);
        memcpy(CMSG_DATA(control), &info6, sizeof info6);
    } else {
        memcpy(&info.ipi_spec_dst, address, sizeof info.ipi_spec_dst);
        memcpy(CMSG_DATA(control), &info, sizeof info);
    }
}
