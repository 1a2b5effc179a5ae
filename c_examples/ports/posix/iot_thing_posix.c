/*
 * The port of iot_thing for Linux and other POSIX systems. See iot_thing_posix.h.
 */
#if defined(__APPLE__)
#define _DARWIN_C_SOURCE /* SO_NOSIGPIPE */
#else
#define _POSIX_C_SOURCE 200809L
#endif

#include "iot_thing_posix.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#ifndef MSG_NOSIGNAL
#define MSG_NOSIGNAL 0 /* then SO_NOSIGPIPE does it */
#endif

/* Before 2024 this code did not exist: a clock that says so was never set. */
#define YEAR_2024 1704067200

/* Errors of getaddrinfo are told apart from -errno by this offset. */
#define RESOLVE_ERROR_BASE 1000

/* ---- threads --------------------------------------------------------------------------------- */

/* Guards `loops`, `lookups` and `failed_connects`. Held for short copies only. */
static pthread_mutex_t state_lock = PTHREAD_MUTEX_INITIALIZER;
static iot_thing_posix_t *loops;

/* The library's critical section: recursive, because its sections may nest. */
static pthread_mutex_t critical;
static pthread_once_t critical_once = PTHREAD_ONCE_INIT;

static void make_critical(void)
{
    pthread_mutexattr_t attributes;
    pthread_mutexattr_init(&attributes);
    pthread_mutexattr_settype(&attributes, PTHREAD_MUTEX_RECURSIVE);
    pthread_mutex_init(&critical, &attributes);
    pthread_mutexattr_destroy(&attributes);
}

static size_t port_enter_critical(void *user)
{
    (void)user;
    pthread_mutex_lock(&critical);
    return 0;
}

static void port_exit_critical(void *user, size_t state)
{
    (void)user;
    (void)state;
    pthread_mutex_unlock(&critical);
}

/*
 * Ends the wait of every polling thread. Which of them polls the Thing is not known here; the
 * others find nothing to do and wait on. When the pipe is full a wake-up is on its way already.
 */
static void wake_all_loops(void)
{
    pthread_mutex_lock(&state_lock);
    for (iot_thing_posix_t *loop = loops; loop != NULL; loop = loop->next) {
        ssize_t ignored = write(loop->wake_write, "w", 1);
        (void)ignored;
    }
    pthread_mutex_unlock(&state_lock);
}

static void port_wake(void *user, iot_thing_t *thing)
{
    (void)user;
    (void)thing;
    wake_all_loops();
}

/* ---- clock, random numbers, messages --------------------------------------------------------- */

static uint32_t port_now_ms(void *user)
{
    struct timespec now;
    (void)user;
#ifdef CLOCK_BOOTTIME
    /* Counts the time in which the machine was suspended, too. */
    if (clock_gettime(CLOCK_BOOTTIME, &now) != 0)
#endif
        clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint32_t)((uint64_t)now.tv_sec * 1000u + (uint64_t)now.tv_nsec / 1000000u);
}

static uint64_t port_unix_time(void *user)
{
    struct timespec now;
    (void)user;
    if (clock_gettime(CLOCK_REALTIME, &now) != 0 || now.tv_sec < YEAR_2024) {
        return 0;
    }
    return (uint64_t)now.tv_sec;
}

/* One request to the system's generator. Returns how many bytes it gave, or -1. */
static ssize_t random_some(uint8_t *out, size_t len)
{
#if defined(__linux__)
    /* Does not wait for the generator to be seeded after boot: the library tries again later. */
    return getrandom(out, len, GRND_NONBLOCK);
#else
    size_t some = len < 256 ? len : 256;
    return getentropy(out, some) == 0 ? (ssize_t)some : -1;
#endif
}

static int32_t port_random(void *user, uint8_t *out, size_t len)
{
    (void)user;
    while (len > 0) {
        ssize_t got = random_some(out, len);
        if (got > 0) {
            out += got;
            len -= (size_t)got;
        } else if (got == 0 || errno != EINTR) {
            return -1;
        }
    }
    return 0;
}

static int32_t log_level = IOT_THING_LOG_INFO;

void iot_thing_posix_log_level(int32_t level)
{
    log_level = level;
}

static void port_log(void *user, int32_t level, const char *text)
{
    static const char *const names[] = {"", "error", "warning", "info"};
    (void)user;
    if (level < 1 || level > log_level) {
        return;
    }
    fprintf(stderr, "iot_thing %s: %s\n", level <= 3 ? names[level] : "debug", text);
}

static void port_panic(void *user, const uint8_t *file, size_t file_len, uint32_t line)
{
    (void)user;
    fprintf(stderr, "iot_thing panic: %.*s:%lu\n", (int)file_len, (const char *)file,
            (unsigned long)line);
    abort();
}

static const iot_thing_port_t port = {
    .struct_size = sizeof(iot_thing_port_t),
    .now_ms = port_now_ms,
    .unix_time = port_unix_time,
    .random = port_random,
    .enter_critical = port_enter_critical,
    .exit_critical = port_exit_critical,
    .wake = port_wake,
    .log = port_log,
    .panic = port_panic,
};

/* ---- name resolution -------------------------------------------------------------------------
 *
 * getaddrinfo() blocks, up to minutes, and cannot be interrupted. So each lookup runs on a thread
 * of its own and leaves its result in a slot of a fixed table; resolve() looks there. A lookup
 * that nobody waits for any more finishes by itself, and its slot is used again.
 */

#define MAX_LOOKUPS 8
#define MAX_HOST IOT_THING_MAX_ENDPOINT
#define STALE_AFTER_MS 30000u

enum lookup_state { LOOKUP_FREE, LOOKUP_RUNNING, LOOKUP_DONE };

struct lookup {
    enum lookup_state state;
    char host[MAX_HOST + 1];
    int32_t result; /* 0, or the negative value for the library */
    iot_thing_address_t address;
    uint32_t done_at_ms;
};

static struct lookup lookups[MAX_LOOKUPS];

/*
 * How many sockets were closed before they were connected. Each moves on to the host's next
 * address, so that a dead one among several (an IPv6 address behind a router without IPv6, say)
 * does not keep the device off-line.
 */
static unsigned failed_connects;

static int copy_address(iot_thing_address_t *out, const struct addrinfo *entry)
{
    memset(out, 0, sizeof *out);
    if (entry->ai_family == AF_INET) {
        struct sockaddr_in v4;
        memcpy(&v4, entry->ai_addr, sizeof v4);
        out->family = 4;
        memcpy(out->ip, &v4.sin_addr, 4);
        return 1;
    }
    if (entry->ai_family == AF_INET6) {
        struct sockaddr_in6 v6;
        memcpy(&v6, entry->ai_addr, sizeof v6);
        out->family = 6;
        memcpy(out->ip, &v6.sin6_addr, 16);
        return 1;
    }
    return 0;
}

/* The `turn`-th usable address of a list, counted round and round. Returns 0 when none is usable. */
static int pick_address(iot_thing_address_t *out, const struct addrinfo *list, unsigned turn)
{
    iot_thing_address_t ignored;
    unsigned usable = 0;
    for (const struct addrinfo *entry = list; entry != NULL; entry = entry->ai_next) {
        usable += copy_address(&ignored, entry) ? 1u : 0u;
    }
    if (usable == 0) {
        return 0;
    }
    unsigned wanted = turn % usable;
    for (const struct addrinfo *entry = list; entry != NULL; entry = entry->ai_next) {
        if (copy_address(out, entry) && wanted-- == 0) {
            return 1;
        }
    }
    return 0;
}

static int32_t look_up(const char *host, unsigned turn, iot_thing_address_t *address)
{
    struct addrinfo hints;
    struct addrinfo *list = NULL;
    memset(&hints, 0, sizeof hints);
    hints.ai_family = AF_UNSPEC;
    hints.ai_socktype = SOCK_STREAM;
    hints.ai_flags = AI_ADDRCONFIG;

    int failed = getaddrinfo(host, NULL, &hints, &list);
    if (failed == EAI_SYSTEM) {
        return -errno;
    }
    if (failed != 0) {
        return -RESOLVE_ERROR_BASE - abs(failed);
    }
    int found = pick_address(address, list, turn);
    freeaddrinfo(list);
    return found ? 0 : -EAFNOSUPPORT;
}

/* A lookup's thread. The slot's host does not change while the slot is RUNNING. */
static void *lookup_thread(void *argument)
{
    struct lookup *slot = argument;
    iot_thing_address_t address;
    memset(&address, 0, sizeof address);

    pthread_mutex_lock(&state_lock);
    unsigned turn = failed_connects;
    pthread_mutex_unlock(&state_lock);

    int32_t result = look_up(slot->host, turn, &address);

    pthread_mutex_lock(&state_lock);
    slot->result = result;
    slot->address = address;
    slot->done_at_ms = port_now_ms(NULL);
    slot->state = LOOKUP_DONE;
    pthread_mutex_unlock(&state_lock);
    wake_all_loops();
    return NULL;
}

/* Starts a detached thread in which no signal handler of the program runs. */
static int start_thread(void *(*run)(void *), void *argument)
{
    pthread_t thread;
    pthread_attr_t attributes;
    sigset_t all;
    sigset_t before;

    int failed = pthread_attr_init(&attributes);
    if (failed) {
        return -failed;
    }
    pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    failed = pthread_create(&thread, &attributes, run, argument);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    pthread_attr_destroy(&attributes);
    return -failed;
}

static struct lookup *find_lookup(const char *host)
{
    for (size_t i = 0; i < MAX_LOOKUPS; i++) {
        if (lookups[i].state != LOOKUP_FREE && strcmp(lookups[i].host, host) == 0) {
            return &lookups[i];
        }
    }
    return NULL;
}

/* A slot for a new lookup: a free one, else one whose result nobody fetched in time. */
static struct lookup *free_lookup(uint32_t now)
{
    struct lookup *stale = NULL;
    for (size_t i = 0; i < MAX_LOOKUPS; i++) {
        struct lookup *slot = &lookups[i];
        if (slot->state == LOOKUP_FREE) {
            return slot;
        }
        if (slot->state == LOOKUP_DONE && now - slot->done_at_ms > STALE_AFTER_MS) {
            stale = slot;
        }
    }
    return stale;
}

/* Called with `state_lock` held. */
static int32_t resolve_locked(const char *host, size_t host_len, iot_thing_address_t *address)
{
    uint32_t now = port_now_ms(NULL);
    struct lookup *slot = find_lookup(host);

    if (slot != NULL && slot->state == LOOKUP_RUNNING) {
        return IOT_THING_SOCKET_WOULD_BLOCK;
    }
    if (slot != NULL) {
        slot->state = LOOKUP_FREE;
        if (now - slot->done_at_ms <= STALE_AFTER_MS) {
            *address = slot->address;
            return slot->result;
        }
    }
    slot = free_lookup(now);
    if (slot == NULL) {
        return IOT_THING_SOCKET_WOULD_BLOCK; /* all slots busy: one will be free soon */
    }
    memcpy(slot->host, host, host_len + 1);
    slot->state = LOOKUP_RUNNING;
    int failed = start_thread(lookup_thread, slot);
    if (failed) {
        slot->state = LOOKUP_FREE;
        return failed;
    }
    return IOT_THING_SOCKET_WOULD_BLOCK;
}

static int32_t posix_resolve(void *user, const char *host, iot_thing_address_t *address)
{
    (void)user;
    size_t host_len = strlen(host);
    if (host_len > MAX_HOST) {
        return -ENAMETOOLONG;
    }
    pthread_mutex_lock(&state_lock);
    int32_t result = resolve_locked(host, host_len, address);
    pthread_mutex_unlock(&state_lock);
    return result;
}

/* ---- sockets --------------------------------------------------------------------------------- */

static int set_descriptor_flags(int fd)
{
    int status = fcntl(fd, F_GETFL);
    if (status < 0 || fcntl(fd, F_SETFL, status | O_NONBLOCK) < 0 ||
        fcntl(fd, F_SETFD, FD_CLOEXEC) < 0) {
        return -errno;
    }
    return 0;
}

static int make_socket(int family)
{
    int on = 1;
    int fd = socket(family, SOCK_STREAM, 0);
    if (fd < 0) {
        return -errno;
    }
    int failed = set_descriptor_flags(fd);
    if (failed) {
        close(fd);
        return failed;
    }
    /* The library sends each packet whole, so waiting for more (Nagle) only costs time. */
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
#ifdef SO_NOSIGPIPE
    setsockopt(fd, SOL_SOCKET, SO_NOSIGPIPE, &on, sizeof on);
#endif
    return fd;
}

static int32_t posix_open(void *user, ptrdiff_t *handle)
{
    (void)user;
    int fd = make_socket(AF_INET);
    if (fd < 0) {
        /* A machine without IPv4. */
        fd = make_socket(AF_INET6);
    }
    if (fd < 0) {
        return fd;
    }
    *handle = fd;
    return 0;
}

static socklen_t fill_address(struct sockaddr_storage *out, const iot_thing_address_t *address,
                              uint16_t tcp_port)
{
    memset(out, 0, sizeof *out);
    if (address->family == 6) {
        struct sockaddr_in6 v6;
        memset(&v6, 0, sizeof v6);
        v6.sin6_family = AF_INET6;
        v6.sin6_port = htons(tcp_port);
        memcpy(&v6.sin6_addr, address->ip, 16);
        memcpy(out, &v6, sizeof v6);
        return sizeof v6;
    }
    struct sockaddr_in v4;
    memset(&v4, 0, sizeof v4);
    v4.sin_family = AF_INET;
    v4.sin_port = htons(tcp_port);
    memcpy(&v4.sin_addr, address->ip, 4);
    memcpy(out, &v4, sizeof v4);
    return sizeof v4;
}

/*
 * The family was not known when the socket was made. When it is the other one, a socket of the
 * right family takes over the descriptor, so that the handle stays what the library was told.
 */
static int32_t match_family(int fd, sa_family_t family)
{
    struct sockaddr_storage own;
    socklen_t own_len = sizeof own;
    if (getsockname(fd, (struct sockaddr *)&own, &own_len) != 0) {
        return -errno;
    }
    if (own.ss_family == family) {
        return 0;
    }
    int other = make_socket(family);
    if (other < 0) {
        return other;
    }
    int32_t result = 0;
    if (dup2(other, fd) < 0 || fcntl(fd, F_SETFD, FD_CLOEXEC) < 0) {
        result = -errno;
    }
    close(other);
    return result;
}

/* Called again until it settles, which connect(2) on a non-blocking socket allows. */
static int32_t posix_connect(void *user, ptrdiff_t handle, const char *host,
                             const iot_thing_address_t *address, uint16_t tcp_port)
{
    (void)user;
    (void)host;
    struct sockaddr_storage peer;
    socklen_t peer_len = fill_address(&peer, address, tcp_port);
    int fd = (int)handle;

    int32_t failed = match_family(fd, peer.ss_family);
    if (failed) {
        return failed;
    }
    if (connect(fd, (struct sockaddr *)&peer, peer_len) == 0 || errno == EISCONN) {
        return 0;
    }
    if (errno == EINPROGRESS || errno == EALREADY || errno == EINTR) {
        return IOT_THING_SOCKET_WOULD_BLOCK;
    }
    return -errno;
}

/* What errno means after send or recv. */
static int32_t io_error(void)
{
    if (errno == EAGAIN || errno == EWOULDBLOCK) {
        return IOT_THING_SOCKET_WOULD_BLOCK;
    }
    if (errno == EPIPE) {
        return IOT_THING_SOCKET_CLOSED;
    }
    return -errno;
}

static size_t at_most_int32(size_t len)
{
    return len < INT32_MAX ? len : INT32_MAX;
}

static int32_t posix_send(void *user, ptrdiff_t handle, const uint8_t *data, size_t len)
{
    (void)user;
    ssize_t sent;
    do {
        sent = send((int)handle, data, at_most_int32(len), MSG_NOSIGNAL);
    } while (sent < 0 && errno == EINTR);
    if (sent < 0) {
        return io_error();
    }
    /* send(2) of at least one byte never returns 0 on a TCP socket; the contract forbids it. */
    return sent == 0 ? IOT_THING_SOCKET_WOULD_BLOCK : (int32_t)sent;
}

static int32_t posix_recv(void *user, ptrdiff_t handle, uint8_t *data, size_t len)
{
    (void)user;
    ssize_t got;
    do {
        got = recv((int)handle, data, at_most_int32(len), 0);
    } while (got < 0 && errno == EINTR);
    if (got < 0) {
        return io_error();
    }
    return got == 0 ? IOT_THING_SOCKET_CLOSED : (int32_t)got;
}

static void posix_close(void *user, ptrdiff_t handle)
{
    (void)user;
    int fd = (int)handle;
    struct sockaddr_storage peer;
    socklen_t peer_len = sizeof peer;
    if (getpeername(fd, (struct sockaddr *)&peer, &peer_len) != 0 && errno == ENOTCONN) {
        pthread_mutex_lock(&state_lock);
        failed_connects++;
        pthread_mutex_unlock(&state_lock);
    }
    close(fd); /* not again after EINTR: the descriptor is gone in any case */
}

/* ---- waiting --------------------------------------------------------------------------------- */

static struct pollfd poll_entry(ptrdiff_t handle, uint32_t interest)
{
    struct pollfd entry;
    entry.fd = interest != 0 ? (int)handle : -1; /* poll(2) leaves negative descriptors out */
    entry.events = (short)(((interest & IOT_THING_IO_READ) ? POLLIN : 0) |
                           ((interest & IOT_THING_IO_WRITE) ? POLLOUT : 0));
    entry.revents = 0;
    return entry;
}

/* entries[0] is for the pipe. A signal ends the wait early: the caller polls and comes back. */
static int wait_for(iot_thing_posix_t *p, struct pollfd *entries, nfds_t count,
                    int32_t timeout_ms)
{
    char drained[64];
    entries[0] = poll_entry(p->wake_read, IOT_THING_IO_READ);
    int ready = poll(entries, count, timeout_ms == IOT_THING_FOREVER ? -1 : timeout_ms);
    if (ready < 0) {
        return errno == EINTR ? 0 : -errno;
    }
    if (entries[0].revents != 0) {
        while (read(p->wake_read, drained, sizeof drained) > 0) {
        }
    }
    return 0;
}

static void posix_wait(void *user, ptrdiff_t handle, uint32_t interest, int32_t timeout_ms)
{
    struct pollfd entries[2];
    entries[1] = poll_entry(handle, interest);
    wait_for(user, entries, 2, timeout_ms);
}

int iot_thing_posix_wait(iot_thing_posix_t *p, iot_thing_t *const *things, size_t count,
                         int32_t timeout_ms)
{
    struct pollfd entries[1 + IOT_THING_POSIX_MAX_THINGS];
    nfds_t used = 1;
    for (size_t i = 0; i < count && i < IOT_THING_POSIX_MAX_THINGS; i++) {
        ptrdiff_t handle = -1;
        uint32_t interest = 0;
        if (iot_thing_io_wanted(things[i], &handle, &interest) == IOT_THING_OK) {
            entries[used++] = poll_entry(handle, interest);
        }
    }
    return wait_for(p, entries, used, timeout_ms < 0 ? 0 : timeout_ms);
}

/* ---- set-up ---------------------------------------------------------------------------------- */

static int make_pipe(iot_thing_posix_t *p)
{
    int ends[2];
    if (pipe(ends) != 0) {
        return -errno;
    }
    int failed = set_descriptor_flags(ends[0]);
    if (!failed) {
        failed = set_descriptor_flags(ends[1]);
    }
    if (failed) {
        close(ends[0]);
        close(ends[1]);
        return failed;
    }
    p->wake_read = ends[0];
    p->wake_write = ends[1];
    return 0;
}

int iot_thing_posix_init(iot_thing_posix_t *p)
{
    static const iot_thing_sockets_t functions = {
        .struct_size = sizeof(iot_thing_sockets_t),
        .resolve = posix_resolve,
        .open = posix_open,
        .connect = posix_connect,
        .send = posix_send,
        .recv = posix_recv,
        .close = posix_close,
        .wait = posix_wait,
    };
    int failed = make_pipe(p);
    if (failed) {
        return failed;
    }
    pthread_once(&critical_once, make_critical);
    p->sockets = functions;
    p->sockets.user = p;
    p->port = &port;

    pthread_mutex_lock(&state_lock);
    p->next = loops;
    loops = p;
    pthread_mutex_unlock(&state_lock);
    return 0;
}

void iot_thing_posix_deinit(iot_thing_posix_t *p)
{
    pthread_mutex_lock(&state_lock);
    for (iot_thing_posix_t **link = &loops; *link != NULL; link = &(*link)->next) {
        if (*link == p) {
            *link = p->next;
            break;
        }
    }
    pthread_mutex_unlock(&state_lock);
    close(p->wake_read);
    close(p->wake_write);
}

const char *iot_thing_posix_error_text(int32_t port_error)
{
    if (port_error == IOT_THING_SOCKET_CLOSED) {
        return "closed by the peer";
    }
    if (port_error <= -RESOLVE_ERROR_BASE) {
        int code = -RESOLVE_ERROR_BASE - port_error;
        return gai_strerror(EAI_NONAME < 0 ? -code : code);
    }
    return strerror(-port_error);
}
