/* Zephyr's sockets over those of this machine; TLS sockets are only compiled. */
#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

#define ZVFS_F_GETFL 3
#define ZVFS_F_SETFL 4
#define ZVFS_O_NONBLOCK 04000
#define ZSOCK_MSG_DONTWAIT MSG_DONTWAIT
#define ZSOCK_POLLIN POLLIN
#define ZSOCK_POLLOUT POLLOUT
#define zsock_pollfd pollfd
#define zsock_addrinfo addrinfo

#define IPPROTO_TLS_1_2 258
#define SOL_TLS 282
#define TLS_SEC_TAG_LIST 1
#define TLS_HOSTNAME 2
#define TLS_PEER_VERIFY 5
#define TLS_PEER_VERIFY_REQUIRED 2
#define TLS_ALPN_LIST 7

int zsock_socket(int family, int type, int protocol);
int zsock_close(int socket);
int zsock_connect(int socket, const struct sockaddr *address, socklen_t len);
ssize_t zsock_send(int socket, const void *data, size_t len, int flags);
ssize_t zsock_recv(int socket, void *data, size_t len, int flags);
int zsock_poll(struct zsock_pollfd *entries, int count, int timeout_ms);
int zsock_fcntl(int socket, int command, int flags);
int zsock_setsockopt(int socket, int level, int name, const void *value, socklen_t len);
int zsock_getaddrinfo(const char *host, const char *service, const struct zsock_addrinfo *hints,
                      struct zsock_addrinfo **list);
void zsock_freeaddrinfo(struct zsock_addrinfo *list);
