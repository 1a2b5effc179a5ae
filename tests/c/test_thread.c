/*
 * A second thread publishes and updates while the main thread polls: nothing is lost, nothing
 * comes twice, the order is kept, and no wake-up is missed. Real threads and the POSIX port's
 * critical section; the network is simulated, so that nothing depends on its speed.
 */
#include <pthread.h>
#include <sched.h>

#include "check.h"
#include "iot_thing_posix.h"
#include "sim.h"

#define MESSAGES 500
#define UPDATES 100

static iot_thing_posix_t posix;
static sim_device_t device;
static sim_op_t messages[MESSAGES];
static sim_op_t updates[UPDATES];

/* Written by the publishing thread, read after it was joined. */
static unsigned long refusals;
static int32_t unexpected;

/* Calls again while the outbox is full; remembers any other error. */
static void insist(int32_t (*call)(int), int number)
{
    for (;;) {
        int32_t error = call(number);
        if (error == IOT_THING_OK) {
            return;
        }
        if (error != IOT_THING_ERR_QUEUE_FULL) {
            unexpected = error;
            return;
        }
        refusals++;
        sched_yield();
    }
}

static int32_t publish_number(int number)
{
    char text[16];
    int len = snprintf(text, sizeof text, "%d", number);
    return iot_thing_publish(device.thing, "numbers", (const uint8_t *)text, (size_t)len, 1,
                             sim_done, &messages[number]);
}

static int32_t update_number(int number)
{
    char text[32];
    snprintf(text, sizeof text, "{\"n\":%d}", number);
    return iot_thing_update_shadow(device.thing, text, sim_done, &updates[number]);
}

/* Only reading calls: they must never disturb the polling thread. */
static void look_around(void)
{
    iot_thing_statistics_t statistics = IOT_THING_STATISTICS_INIT;
    iot_thing_connection_t connection = IOT_THING_CONNECTION_INIT;
    int32_t error = iot_thing_get_statistics(device.thing, &statistics);
    if (error == IOT_THING_OK) {
        error = iot_thing_get_connection(device.thing, &connection);
    }
    if (error != IOT_THING_OK || iot_thing_get_state(device.thing) < 0) {
        unexpected = error;
    }
}

/* Subscriptions come and go from this thread, too; their ends are counted on the polling one. */
static int subscriptions_accepted;
static int subscriptions_ended;
static int messages_got;

static void subscription_ended(void *user, iot_thing_t *thing, const iot_thing_result_t *result)
{
    (void)user;
    (void)thing;
    (void)result;
    subscriptions_ended++;
}

static void on_message(void *user, iot_thing_t *thing, const iot_thing_mqtt_message_t *message)
{
    (void)user;
    (void)thing;
    (void)message;
    messages_got++;
}

static void subscribe_or_leave(int number)
{
    int32_t error =
        number % 2 == 0
            ? iot_thing_mqtt_subscribe(device.thing, "in/+", 1, 0, on_message, subscription_ended,
                                       NULL)
            : iot_thing_mqtt_unsubscribe(device.thing, "in/+", 0, subscription_ended, NULL);
    subscriptions_accepted += error == IOT_THING_OK;
    /* Taken back before it was carried out, or one of the other kind is under way. */
    if (error != IOT_THING_OK && error != IOT_THING_ERR_STATE && error != IOT_THING_ERR_NOT_FOUND) {
        unexpected = error;
    }
}

static void *publisher(void *unused)
{
    (void)unused;
    for (int i = 0; i < MESSAGES; i++) {
        insist(publish_number, i);
        if (i % (MESSAGES / UPDATES) == 0) {
            insist(update_number, i / (MESSAGES / UPDATES));
        }
        subscribe_or_leave(i);
        look_around();
    }
    return NULL;
}

static int all_ended(void)
{
    int open = 0;
    for (int i = 0; i < MESSAGES; i++) {
        open += messages[i].calls == 0;
    }
    for (int i = 0; i < UPDATES; i++) {
        open += updates[i].calls == 0;
    }
    return open == 0;
}

/* A main loop that sleeps until it is woken: a missed wake-up would make it sleep too long. */
static void main_loop(void)
{
    unsigned long overslept = 0;
    while (!all_ended() && sim_board.violation == NULL) {
        int32_t ms = sim_poll(&device);
        if (ms > 0 && !all_ended() && !sim_link_ready(&device.link, IOT_THING_IO_READ)) {
            uint32_t before = posix.port->now_ms(NULL);
            CHECK_EQ(iot_thing_posix_wait(&posix, NULL, 0, ms), 0);
            overslept += posix.port->now_ms(NULL) - before >= 20000;
        }
    }
    CHECK_EQ(overslept, 0);
}

static void order_is_kept(void)
{
    char text[16];
    int next = 0;
    for (int i = 0; i < device.broker.message_count; i++) {
        const broker_message_t *message = &device.broker.messages[i];
        if (strcmp(message->topic, "numbers") == 0) {
            snprintf(text, sizeof text, "%d", next++);
            CHECK(strcmp(message->payload, text) == 0);
            CHECK_EQ(message->dup, 0);
        }
    }
    CHECK_EQ(next, MESSAGES);
    CHECK_EQ(device.broker.updates, UPDATES);
    snprintf(text, sizeof text, "{\"n\":%d}", UPDATES - 1);
    CHECK(strcmp(device.broker.reported, text) == 0);
}

static void publishing_from_another_thread(void)
{
    pthread_t thread;
    sim_start(0);
    CHECK_EQ(iot_thing_posix_init(&posix), 0);
    sim_device_init(&device, "thing");
    device.config.port = posix.port;
    iot_thing_posix_log_level(IOT_THING_LOG_ERROR);
    CHECK_EQ(sim_device_make(&device), IOT_THING_OK);
    iot_thing_connect(device.thing);
    CHECK_EQ(pthread_create(&thread, NULL, publisher, NULL), 0);
    main_loop();
    CHECK_EQ(pthread_join(thread, NULL), 0);

    CHECK_EQ(unexpected, 0);
    for (int i = 0; i < MESSAGES; i++) {
        CHECK_EQ(messages[i].calls, 1);
        CHECK_EQ(messages[i].error, IOT_THING_OK);
    }
    for (int i = 0; i < UPDATES; i++) {
        CHECK_EQ(updates[i].calls, 1);
        CHECK_EQ(updates[i].error, IOT_THING_OK);
    }
    order_is_kept();
    sim_run(&device, 1000);
    CHECK(subscriptions_accepted > 0);
    CHECK_EQ(subscriptions_ended, subscriptions_accepted);
    printf("refused because the outbox was full: %lu times\n", refusals);
    CHECK(sim_device_end(&device));
    iot_thing_posix_deinit(&posix);
}

/* Two threads poll: one is inside, the other is told so, and nothing breaks. */
static void *intruder(void *result)
{
    int32_t *busy = result;
    for (int i = 0; i < 20000; i++) {
        int32_t error = iot_thing_poll(device.thing);
        *busy += error == IOT_THING_ERR_BUSY;
        if (error < 0 && error != IOT_THING_ERR_BUSY) {
            *busy = -1000000;
        }
    }
    return NULL;
}

static void polling_from_two_threads(void)
{
    pthread_t thread;
    int32_t busy_here = 0;
    int32_t busy_there = 0;
    CHECK_EQ(iot_thing_posix_init(&posix), 0);
    sim_device_init(&device, "thing");
    device.config.port = posix.port;
    CHECK_EQ(sim_device_make(&device), IOT_THING_OK);
    CHECK_EQ(pthread_create(&thread, NULL, intruder, &busy_there), 0);
    intruder(&busy_here);
    CHECK_EQ(pthread_join(thread, NULL), 0);
    CHECK(busy_here >= 0 && busy_there >= 0);
    CHECK_EQ(iot_thing_poll(device.thing), IOT_THING_FOREVER);
    CHECK(sim_device_end(&device));
    iot_thing_posix_deinit(&posix);
}

int main(int argc, char **argv)
{
    RUN(publishing_from_another_thread);
    RUN(polling_from_two_threads);
    return check_report("test_thread");
}
