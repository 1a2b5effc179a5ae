/* The stand-in for Zephyr, on POSIX threads and sockets. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#include <zephyr/kernel.h>
#include <zephyr/net/socket.h>
#include <zephyr/net/sntp.h>
#include <zephyr/random/random.h>
#include <zephyr/ztest.h>

/* One lock for everything; semaphores, mutexes and the work queue all change under it. */
static pthread_mutex_t kernel = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;

int64_t k_uptime_get(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int32_t k_sleep(k_timeout_t timeout)
{
    usleep((useconds_t)timeout.ms * 1000);
    return 0;
}

void k_panic(void)
{
    abort();
}

/* Recursive, as Zephyr's is. */
static pthread_mutex_t interrupts = PTHREAD_RECURSIVE_MUTEX_INITIALIZER_NP;

unsigned int irq_lock(void)
{
    pthread_mutex_lock(&interrupts);
    return 0;
}

void irq_unlock(unsigned int key)
{
    (void)key;
    pthread_mutex_unlock(&interrupts);
}

/* Waits under `kernel` for a change. Returns 0 when the time is over. */
static int wait_for_change(k_timeout_t timeout, int64_t start)
{
    struct timespec until;
    if (timeout.ms < 0) {
        pthread_cond_wait(&changed, &kernel);
        return 1;
    }
    int64_t left = timeout.ms - (k_uptime_get() - start);
    if (left <= 0) {
        return 0;
    }
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += left / 1000;
    until.tv_nsec += left % 1000 * 1000000;
    if (until.tv_nsec >= 1000000000) {
        until.tv_nsec -= 1000000000;
        until.tv_sec++;
    }
    pthread_cond_timedwait(&changed, &kernel, &until);
    return 1;
}

void k_sem_give(struct k_sem *sem)
{
    pthread_mutex_lock(&kernel);
    if (sem->count < sem->limit) {
        sem->count++;
    }
    pthread_cond_broadcast(&changed);
    pthread_mutex_unlock(&kernel);
}

int k_sem_take(struct k_sem *sem, k_timeout_t timeout)
{
    int64_t start = k_uptime_get();
    pthread_mutex_lock(&kernel);
    while (sem->count == 0 && wait_for_change(timeout, start)) {
    }
    int taken = sem->count > 0;
    if (taken) {
        sem->count--;
    }
    pthread_mutex_unlock(&kernel);
    return taken ? 0 : -EAGAIN;
}

int k_mutex_lock(struct k_mutex *mutex, k_timeout_t timeout)
{
    (void)timeout;
    pthread_mutex_lock(&kernel);
    while (mutex->depth > 0) {
        wait_for_change(K_FOREVER, 0);
    }
    mutex->depth = 1;
    pthread_mutex_unlock(&kernel);
    return 0;
}

int k_mutex_unlock(struct k_mutex *mutex)
{
    pthread_mutex_lock(&kernel);
    mutex->depth = 0;
    pthread_cond_broadcast(&changed);
    pthread_mutex_unlock(&kernel);
    return 0;
}

void k_work_init(struct k_work *work, k_work_handler_t handler)
{
    work->handler = handler;
}

void k_work_queue_init(struct k_work_q *queue)
{
    queue->pending = NULL;
}

static void *run_queue(void *argument)
{
    struct k_work_q *queue = argument;
    for (;;) {
        pthread_mutex_lock(&kernel);
        while (queue->pending == NULL) {
            wait_for_change(K_FOREVER, 0);
        }
        struct k_work *work = queue->pending;
        queue->pending = NULL;
        pthread_mutex_unlock(&kernel);
        work->handler(work);
    }
    return NULL;
}

void k_work_queue_start(struct k_work_q *queue, k_thread_stack_t *stack, size_t stack_size,
                        int priority, const struct k_work_queue_config *config)
{
    pthread_t thread;
    (void)stack;
    (void)stack_size;
    (void)priority;
    (void)config;
    pthread_create(&thread, NULL, run_queue, queue);
}

int k_work_submit_to_queue(struct k_work_q *queue, struct k_work *work)
{
    pthread_mutex_lock(&kernel);
    queue->pending = work;
    pthread_cond_broadcast(&changed);
    pthread_mutex_unlock(&kernel);
    return 1;
}

int sys_csrand_get(void *out, size_t len)
{
    return getrandom(out, len, 0) == (ssize_t)len ? 0 : -EIO;
}

int sntp_simple(const char *server, uint32_t timeout, struct sntp_time *now)
{
    (void)server;
    (void)timeout;
    now->seconds = (uint64_t)time(NULL);
    now->fraction = 0;
    return 0;
}

int zsock_socket(int family, int type, int protocol)
{
    return socket(family, type, protocol);
}

int zsock_close(int socket)
{
    return close(socket);
}

int zsock_connect(int socket, const struct sockaddr *address, socklen_t len)
{
    return connect(socket, address, len);
}

ssize_t zsock_send(int socket, const void *data, size_t len, int flags)
{
    return send(socket, data, len, flags | MSG_NOSIGNAL);
}

ssize_t zsock_recv(int socket, void *data, size_t len, int flags)
{
    return recv(socket, data, len, flags);
}

int zsock_poll(struct zsock_pollfd *entries, int count, int timeout_ms)
{
    return poll(entries, (nfds_t)count, timeout_ms);
}

int zsock_fcntl(int socket, int command, int flags)
{
    return fcntl(socket, command == ZVFS_F_GETFL ? F_GETFL : F_SETFL, flags);
}

int zsock_setsockopt(int socket, int level, int name, const void *value, socklen_t len)
{
    return setsockopt(socket, level, name, value, len);
}

int zsock_getaddrinfo(const char *host, const char *service, const struct zsock_addrinfo *hints,
                      struct zsock_addrinfo **list)
{
    return getaddrinfo(host, service, hints, list);
}

void zsock_freeaddrinfo(struct zsock_addrinfo *list)
{
    freeaddrinfo(list);
}

/* ---- ztest ------------------------------------------------------------------------------------- */

static struct {
    const char *name;
    void (*run)(void);
} tests[32];
static int test_count;
static int failures;

void stub_test(const char *name, void (*test)(void))
{
    tests[test_count].name = name;
    tests[test_count++].run = test;
}

void stub_fail(const char *file, int line, const char *what)
{
    printf("\n%s:%d: failed: %s\n", file, line, what);
    failures++;
}

#if defined(STUB_ZTEST)
int main(void)
{
    for (int i = 0; i < test_count; i++) {
        int before = failures;
        tests[i].run();
        printf("%s %s\n", failures == before ? "ok  " : "FAIL", tests[i].name);
    }
    printf("%d tests, %d failed\n", test_count, failures);
    return failures == 0 && test_count > 0 ? 0 : 1;
}
#endif
