/*
 * The port of iot_thing for Zephyr. See iot_thing_zephyr.h.
 */
#include <errno.h>
#include <string.h>

#include <zephyr/kernel.h>
#include <zephyr/logging/log.h>
#include <zephyr/net/socket.h>
#include <zephyr/random/random.h>

#include <iot_thing_zephyr.h>

LOG_MODULE_REGISTER(iot_thing, CONFIG_IOT_THING_LOG_LEVEL);

/* Errors of zsock_getaddrinfo() are told apart from -errno by this offset. */
#define RESOLVE_ERROR_BASE 1000

/* Given by wake and by the helper; taken by the thread that polls when it waits. */
static K_SEM_DEFINE(woken, 0, 1);

/* ---- clock, random numbers, messages ----------------------------------------------------------- */

/* Wall clock at boot, in seconds; 0: unknown. */
static uint64_t boot_unix_time;
static K_MUTEX_DEFINE(clock_lock);

static uint32_t port_now_ms(void *user)
{
	ARG_UNUSED(user);
	return (uint32_t)k_uptime_get();
}

static uint64_t uptime_s(void)
{
	return (uint64_t)k_uptime_get() / 1000u;
}

static uint64_t port_unix_time(void *user)
{
	uint64_t now = 0;

	ARG_UNUSED(user);
	k_mutex_lock(&clock_lock, K_FOREVER);
	if (boot_unix_time != 0) {
		now = boot_unix_time + uptime_s();
	}
	k_mutex_unlock(&clock_lock);
	return now;
}

void iot_thing_zephyr_set_unix_time(uint64_t seconds)
{
	uint64_t up = uptime_s();

	k_mutex_lock(&clock_lock, K_FOREVER);
	boot_unix_time = seconds > up ? seconds - up : 0;
	k_mutex_unlock(&clock_lock);
}

/* Never the plain generator instead: sys_rand_get() may be predictable. */
static int32_t port_random(void *user, uint8_t *out, size_t len)
{
	ARG_UNUSED(user);
	return sys_csrand_get(out, len) == 0 ? 0 : -1;
}

/* irq_lock() nests, and excludes the other cores, too. */
static size_t port_enter_critical(void *user)
{
	ARG_UNUSED(user);
	return irq_lock();
}

static void port_exit_critical(void *user, size_t state)
{
	ARG_UNUSED(user);
	irq_unlock((unsigned int)state);
}

static void port_wake(void *user, iot_thing_t *thing)
{
	ARG_UNUSED(user);
	ARG_UNUSED(thing);
	k_sem_give(&woken);
}

static void port_log(void *user, int32_t level, const char *text)
{
	ARG_UNUSED(user);
	if (level == IOT_THING_LOG_ERROR) {
		LOG_ERR("%s", text);
	} else if (level == IOT_THING_LOG_WARNING) {
		LOG_WRN("%s", text);
	} else {
		LOG_INF("%s", text);
	}
}

static void port_panic(void *user, const uint8_t *file, size_t file_len, uint32_t line)
{
	ARG_UNUSED(user);
	LOG_ERR("panic: %.*s:%u", (int)file_len, (const char *)file, (unsigned int)line);
	k_panic();
}

const iot_thing_port_t iot_thing_zephyr_port = {
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

/* ---- the helper thread --------------------------------------------------------------------------
 *
 * Looking up a name and connecting block in Zephyr (a TLS socket shakes hands while connecting,
 * even when it is non-blocking). So they run on a thread of their own, one job at a time.
 */

enum job_state { JOB_FREE, JOB_RUNNING, JOB_DONE };

static struct {
	struct k_work work;
	enum job_state state;
	int socket; /* -1: look `host` up; else connect it */
	bool abandoned; /* the socket was closed meanwhile: the helper closes it */
	char host[IOT_THING_MAX_ENDPOINT + 1];
	iot_thing_address_t address;
	uint16_t tcp_port;
	int32_t result;
} job;

/* Guards all of `job` but what belongs to the helper while it is RUNNING. */
static K_MUTEX_DEFINE(job_lock);

static struct k_work_q helper;
static K_THREAD_STACK_DEFINE(helper_stack, CONFIG_IOT_THING_HELPER_STACK_SIZE);

static int32_t look_up(const char *host, iot_thing_address_t *address)
{
	struct zsock_addrinfo hints = {0};
	struct zsock_addrinfo *list = NULL;
	int32_t result = -EAFNOSUPPORT;

	hints.ai_socktype = SOCK_STREAM;
	int failed = zsock_getaddrinfo(host, NULL, &hints, &list);

	if (failed != 0) {
		return -RESOLVE_ERROR_BASE - (failed < 0 ? -failed : failed);
	}
	memset(address, 0, sizeof(*address));
	for (const struct zsock_addrinfo *entry = list; entry != NULL && result != 0;
	     entry = entry->ai_next) {
		if (entry->ai_family == AF_INET) {
			struct sockaddr_in v4;

			memcpy(&v4, entry->ai_addr, sizeof(v4));
			address->family = 4;
			memcpy(address->ip, &v4.sin_addr, 4);
			result = 0;
		} else if (entry->ai_family == AF_INET6) {
			struct sockaddr_in6 v6;

			memcpy(&v6, entry->ai_addr, sizeof(v6));
			address->family = 6;
			memcpy(address->ip, &v6.sin6_addr, 16);
			result = 0;
		}
	}
	zsock_freeaddrinfo(list);
	return result;
}

static int32_t connect_blocking(int socket, const iot_thing_address_t *address, uint16_t tcp_port)
{
	struct sockaddr_in6 v6 = {0};
	struct sockaddr_in v4 = {0};
	int failed;

	if (address->family == 6) {
		v6.sin6_family = AF_INET6;
		v6.sin6_port = htons(tcp_port);
		memcpy(&v6.sin6_addr, address->ip, 16);
		failed = zsock_connect(socket, (struct sockaddr *)&v6, sizeof(v6));
	} else {
		v4.sin_family = AF_INET;
		v4.sin_port = htons(tcp_port);
		memcpy(&v4.sin_addr, address->ip, 4);
		failed = zsock_connect(socket, (struct sockaddr *)&v4, sizeof(v4));
	}
	return failed ? -errno : 0;
}

static void run_job(struct k_work *work)
{
	ARG_UNUSED(work);
	int32_t result = job.socket < 0 ? look_up(job.host, &job.address)
					: connect_blocking(job.socket, &job.address, job.tcp_port);

	k_mutex_lock(&job_lock, K_FOREVER);
	job.result = result;
	job.state = JOB_DONE;
	if (job.abandoned) {
		zsock_close(job.socket);
		job.state = JOB_FREE;
	}
	k_mutex_unlock(&job_lock);
	k_sem_give(&woken);
}

/*
 * Called with `job_lock` held. What was looked up may be thrown away, it is asked for again; a
 * socket that is connected belongs to somebody.
 */
static bool helper_is_busy(void)
{
	return job.state == JOB_RUNNING || (job.state == JOB_DONE && job.socket >= 0);
}

/* Called with `job_lock` held. */
static void start_job(int socket)
{
	static bool started;

	if (!started) {
		k_work_queue_init(&helper);
		k_work_queue_start(&helper, helper_stack, K_THREAD_STACK_SIZEOF(helper_stack),
				   K_LOWEST_APPLICATION_THREAD_PRIO, NULL);
		k_work_init(&job.work, run_job);
		started = true;
	}
	job.socket = socket;
	job.abandoned = false;
	job.state = JOB_RUNNING;
	k_work_submit_to_queue(&helper, &job.work);
}

/* ---- sockets ----------------------------------------------------------------------------------- */

static int32_t sockets_resolve(void *user, const char *host, iot_thing_address_t *address)
{
	int32_t result = IOT_THING_SOCKET_WOULD_BLOCK;
	size_t len = strlen(host);

	ARG_UNUSED(user);
	if (len >= sizeof(job.host)) {
		return -ENAMETOOLONG;
	}
	k_mutex_lock(&job_lock, K_FOREVER);
	if (job.state == JOB_DONE && job.socket < 0 && strcmp(job.host, host) == 0) {
		*address = job.address;
		result = job.result;
		job.state = JOB_FREE;
	} else if (!helper_is_busy()) {
		memcpy(job.host, host, len + 1);
		start_job(-1);
	}
	k_mutex_unlock(&job_lock);
	return result;
}

#if defined(CONFIG_IOT_THING_PORT_TLS_SOCKETS)
static const int *tls_tags;
static size_t tls_tag_count;

void iot_thing_zephyr_set_tls(const int *tags, size_t count)
{
	tls_tags = tags;
	tls_tag_count = count;
}

/* What a TLS socket must know before it connects. */
static int32_t prepare(int socket, const char *host, uint16_t tcp_port)
{
	static const char *const alpn[] = {"x-amzn-mqtt-ca"};
	int verify = TLS_PEER_VERIFY_REQUIRED;

	if (tls_tag_count == 0) {
		return -EINVAL;
	}
	if (zsock_setsockopt(socket, SOL_TLS, TLS_SEC_TAG_LIST, tls_tags,
			     (socklen_t)(tls_tag_count * sizeof(*tls_tags))) < 0 ||
	    zsock_setsockopt(socket, SOL_TLS, TLS_HOSTNAME, host,
			     (socklen_t)strlen(host) + 1) < 0 ||
	    zsock_setsockopt(socket, SOL_TLS, TLS_PEER_VERIFY, &verify, sizeof(verify)) < 0) {
		return -errno;
	}
	/* AWS IoT tells MQTT from HTTPS by ALPN there. */
	if (tcp_port == 443 &&
	    zsock_setsockopt(socket, SOL_TLS, TLS_ALPN_LIST, alpn, sizeof(alpn)) < 0) {
		return -errno;
	}
	return 0;
}

static int new_socket(int family)
{
	return zsock_socket(family, SOCK_STREAM, IPPROTO_TLS_1_2);
}
#else
static int32_t prepare(int socket, const char *host, uint16_t tcp_port)
{
	ARG_UNUSED(socket);
	ARG_UNUSED(host);
	ARG_UNUSED(tcp_port);
	return 0;
}

static int new_socket(int family)
{
	return zsock_socket(family, SOCK_STREAM, IPPROTO_TCP);
}
#endif

/*
 * The handle that the library gets is this table's index: the socket itself is made when the
 * address, and so its family, is known.
 */
#define MAX_SOCKETS 4
static struct {
	bool open;
	int socket; /* -1: not made yet */
	bool connected;
} sockets[MAX_SOCKETS];

static int32_t sockets_open(void *user, ptrdiff_t *handle)
{
	ARG_UNUSED(user);
	for (int i = 0; i < MAX_SOCKETS; i++) {
		if (!sockets[i].open) {
			sockets[i].open = true;
			sockets[i].socket = -1;
			sockets[i].connected = false;
			*handle = i;
			return 0;
		}
	}
	return -ENFILE;
}

/* Called with `job_lock` held: takes the result of the connecting of `socket`. */
static int32_t settle(int index)
{
	int32_t result = job.result;

	job.state = JOB_FREE;
	if (result == 0) {
		int flags = zsock_fcntl(sockets[index].socket, ZVFS_F_GETFL, 0);

		if (flags < 0 || zsock_fcntl(sockets[index].socket, ZVFS_F_SETFL,
					     flags | ZVFS_O_NONBLOCK) < 0) {
			return -errno;
		}
		sockets[index].connected = true;
	}
	return result;
}

static int32_t begin_connect(int index, const char *host, const iot_thing_address_t *address,
			     uint16_t tcp_port)
{
	int socket = new_socket(address->family == 6 ? AF_INET6 : AF_INET);

	if (socket < 0) {
		return -errno;
	}
	int32_t failed = prepare(socket, host, tcp_port);

	if (failed) {
		zsock_close(socket);
		return failed;
	}
	sockets[index].socket = socket;
	job.address = *address;
	job.tcp_port = tcp_port;
	start_job(socket);
	return IOT_THING_SOCKET_WOULD_BLOCK;
}

static int32_t sockets_connect(void *user, ptrdiff_t handle, const char *host,
			       const iot_thing_address_t *address, uint16_t tcp_port)
{
	int index = (int)handle;
	int32_t result = IOT_THING_SOCKET_WOULD_BLOCK;

	ARG_UNUSED(user);
	if (sockets[index].connected) {
		return 0;
	}
	k_mutex_lock(&job_lock, K_FOREVER);
	if (job.state == JOB_DONE && job.socket >= 0 && job.socket == sockets[index].socket) {
		result = settle(index);
	} else if (!helper_is_busy() && sockets[index].socket < 0) {
		result = begin_connect(index, host, address, tcp_port);
	}
	k_mutex_unlock(&job_lock);
	return result;
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

static int32_t sockets_send(void *user, ptrdiff_t handle, const uint8_t *data, size_t len)
{
	ARG_UNUSED(user);
	ssize_t sent = zsock_send(sockets[handle].socket, data, len, ZSOCK_MSG_DONTWAIT);

	if (sent < 0) {
		return io_error();
	}
	return sent == 0 ? IOT_THING_SOCKET_WOULD_BLOCK : (int32_t)sent;
}

static int32_t sockets_recv(void *user, ptrdiff_t handle, uint8_t *data, size_t len)
{
	ARG_UNUSED(user);
	ssize_t got = zsock_recv(sockets[handle].socket, data, len, ZSOCK_MSG_DONTWAIT);

	if (got < 0) {
		return io_error();
	}
	return got == 0 ? IOT_THING_SOCKET_CLOSED : (int32_t)got;
}

static void sockets_close(void *user, ptrdiff_t handle)
{
	int socket = sockets[handle].socket;

	ARG_UNUSED(user);
	sockets[handle].open = false;
	if (socket < 0) {
		return;
	}
	k_mutex_lock(&job_lock, K_FOREVER);
	if (job.socket == socket && job.state == JOB_RUNNING) {
		job.abandoned = true;
	} else {
		if (job.socket == socket) {
			job.state = JOB_FREE;
		}
		zsock_close(socket);
	}
	k_mutex_unlock(&job_lock);
}

/* Without a connected socket there is only the semaphore to wait for. */
static void sockets_wait(void *user, ptrdiff_t handle, uint32_t interest, int32_t timeout_ms)
{
	struct zsock_pollfd entry = {0};
	int32_t left = timeout_ms;

	ARG_UNUSED(user);
	if (handle < 0 || interest == 0 || !sockets[handle].connected) {
		k_sem_take(&woken, timeout_ms == IOT_THING_FOREVER ? K_FOREVER : K_MSEC(timeout_ms));
		return;
	}
	entry.fd = sockets[handle].socket;
	entry.events = (short)(((interest & IOT_THING_IO_READ) ? ZSOCK_POLLIN : 0) |
			       ((interest & IOT_THING_IO_WRITE) ? ZSOCK_POLLOUT : 0));
	/* Zephyr cannot wait for both, so it looks for wake-ups now and then. */
	while (k_sem_take(&woken, K_NO_WAIT) != 0) {
		int32_t slice = MIN(left, CONFIG_IOT_THING_WAKE_LATENCY_MS);

		if (zsock_poll(&entry, 1, slice) != 0 || left <= slice) {
			return;
		}
		if (timeout_ms != IOT_THING_FOREVER) {
			left -= slice;
		}
	}
}

const iot_thing_sockets_t iot_thing_zephyr_sockets = {
	.struct_size = sizeof(iot_thing_sockets_t),
	.resolve = sockets_resolve,
	.open = sockets_open,
	.connect = sockets_connect,
	.send = sockets_send,
	.recv = sockets_recv,
	.close = sockets_close,
	.wait = sockets_wait,
};
