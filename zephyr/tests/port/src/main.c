/*
 * The port's promises: what iot_thing.h demands of clock, random source, critical section, wake-up
 * and sockets.
 */
#include <string.h>

#include <zephyr/kernel.h>
#include <zephyr/ztest.h>

#include <iot_thing.h>
#include <iot_thing_zephyr.h>

static const iot_thing_port_t *const port = &iot_thing_zephyr_port;
static const iot_thing_sockets_t *const sockets = &iot_thing_zephyr_sockets;

ZTEST_SUITE(iot_thing_port, NULL, NULL, NULL, NULL, NULL);

ZTEST(iot_thing_port, test_clock_advances)
{
	uint32_t start = port->now_ms(port->user);

	k_sleep(K_MSEC(50));
	uint32_t took = port->now_ms(port->user) - start;

	zassert_true(took >= 50 && took < 1000, "50 ms are %u", took);
}

ZTEST(iot_thing_port, test_time_is_unknown_until_it_is_told)
{
	iot_thing_zephyr_set_unix_time(0);
	zassert_equal(port->unix_time(port->user), 0, "nobody told it");
	iot_thing_zephyr_set_unix_time(1800000000);
	uint64_t now = port->unix_time(port->user);

	zassert_true(now >= 1800000000 && now <= 1800000001, "the time that was told");
}

ZTEST(iot_thing_port, test_random_numbers_differ)
{
	uint8_t a[32] = {0};
	uint8_t b[32] = {0};

	zassert_equal(port->random(port->user, a, sizeof(a)), 0, "random");
	zassert_equal(port->random(port->user, b, sizeof(b)), 0, "random");
	zassert_true(memcmp(a, b, sizeof(a)) != 0, "the same number twice");
}

ZTEST(iot_thing_port, test_critical_sections_nest)
{
	size_t outer = port->enter_critical(port->user);
	size_t inner = port->enter_critical(port->user);

	port->exit_critical(port->user, inner);
	port->exit_critical(port->user, outer);
}

ZTEST(iot_thing_port, test_a_wake_up_before_the_wait_ends_it)
{
	port->wake(port->user, NULL);
	uint32_t start = port->now_ms(port->user);

	sockets->wait(sockets->user, -1, 0, 2000);
	zassert_true(port->now_ms(port->user) - start < 1000, "the wake-up was lost");
	start = port->now_ms(port->user);
	sockets->wait(sockets->user, -1, 0, 60);
	zassert_true(port->now_ms(port->user) - start >= 60, "it ended a second wait, too");
}

/* Calls connect as the library does, until it settles. */
static int32_t settle(ptrdiff_t socket, const iot_thing_address_t *address, uint16_t tcp_port)
{
	int32_t result = IOT_THING_SOCKET_WOULD_BLOCK;

	for (int i = 0; i < 100 && result == IOT_THING_SOCKET_WOULD_BLOCK; i++) {
		result = sockets->connect(sockets->user, socket, "localhost", address, tcp_port);
		sockets->wait(sockets->user, socket, 0, 100);
	}
	return result;
}

static void resolve_localhost(iot_thing_address_t *address)
{
	int32_t result = IOT_THING_SOCKET_WOULD_BLOCK;

	for (int i = 0; i < 100 && result == IOT_THING_SOCKET_WOULD_BLOCK; i++) {
		result = sockets->resolve(sockets->user, "localhost", address);
		sockets->wait(sockets->user, -1, 0, 100);
	}
	zassert_equal(result, 0, "localhost: %d", result);
	zassert_true(address->family == 4 || address->family == 6, "family");
}

ZTEST(iot_thing_port, test_a_refused_connection_is_told)
{
	iot_thing_address_t address;
	ptrdiff_t socket;

	resolve_localhost(&address);
	zassert_equal(sockets->open(sockets->user, &socket), 0, "open");
	int32_t result = settle(socket, &address, 1);

	zassert_true(result < 0 && result != IOT_THING_SOCKET_WOULD_BLOCK, "result %d", result);
	sockets->close(sockets->user, socket);
}

ZTEST(iot_thing_port, test_handles_are_given_back)
{
	ptrdiff_t socket;

	for (int i = 0; i < 100; i++) {
		zassert_equal(sockets->open(sockets->user, &socket), 0, "open %d", i);
		sockets->close(sockets->user, socket);
	}
}

ZTEST(iot_thing_port, test_a_socket_closed_while_it_connects_does_no_harm)
{
	iot_thing_address_t address;
	ptrdiff_t socket;

	resolve_localhost(&address);
	for (int i = 0; i < 10; i++) {
		zassert_equal(sockets->open(sockets->user, &socket), 0, "open");
		sockets->connect(sockets->user, socket, "localhost", &address, 1);
		sockets->close(sockets->user, socket);
	}
	resolve_localhost(&address);
}
