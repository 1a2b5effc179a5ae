/* lwIP under FreeRTOS: one interface, TCP, DHCP, DNS. */
#ifndef LWIPOPTS_H
#define LWIPOPTS_H

#define NO_SYS 0
#define LWIP_TCPIP_CORE_LOCKING 1
#define LWIP_NETCONN 1
#define LWIP_SOCKET 0
#define LWIP_NETIF_API 1
#define LWIP_PROVIDE_ERRNO 1

#define LWIP_DHCP 1
#define LWIP_DNS 1
#define LWIP_TCP_KEEPALIVE 1
/* QEMU's user network: the host's loopback, where the local cloud listens, is 10.0.2.2. */
#define DNS_LOCAL_HOSTLIST 1
#define DNS_LOCAL_HOSTLIST_INIT \
    { DNS_LOCAL_HOSTLIST_ELEM("localhost", IPADDR4_INIT_BYTES(10, 0, 2, 2)) }

#define MEM_ALIGNMENT 8
#define MEM_SIZE (24 * 1024)
#define TCP_MSS 1460
#define TCP_WND (4 * TCP_MSS)
#define TCP_SND_BUF (4 * TCP_MSS)
#define TCP_SND_QUEUELEN 16
#define MEMP_NUM_TCP_SEG 24
#define PBUF_POOL_SIZE 16
#define MEMP_NUM_NETCONN 4

#define TCPIP_THREAD_STACKSIZE 2048
#define TCPIP_THREAD_PRIO 3
#define TCPIP_MBOX_SIZE 16
#define DEFAULT_TCP_RECVMBOX_SIZE 16
#define DEFAULT_ACCEPTMBOX_SIZE 4
#define DEFAULT_THREAD_STACKSIZE 2048
#define LWIP_NETIF_STATUS_CALLBACK 0

#endif
