/*
 * An interrupt publishes, reports and subscribes while the main loop polls: nothing is lost, nothing
 * comes twice. A signal is the interrupt; the critical section blocks it, as firmware disables
 * interrupts. Single-threaded, as a microcontroller is.
 */
#define _DEFAULT_SOURCE 1 /* signals and timers */
#include <signal.h>
#include <sys/time.h>

#include "check.h"
#include "sim.h"

#define INTERRUPTS 2000

static sim_device_t device;
static iot_thing_port_t port;

/* Written by the interrupt. */
static volatile sig_atomic_t interrupts;
static volatile sig_atomic_t accepted;
static volatile sig_atomic_t unexpected;
static volatile sig_atomic_t woken;

/* Written by callbacks. */
static unsigned long ended;
static unsigned long failed;
static unsigned long messages;

static void block(sigset_t *before)
{
    sigset_t interrupt;
    sigemptyset(&interrupt);
    sigaddset(&interrupt, SIGALRM);
    sigprocmask(SIG_BLOCK, &interrupt, before);
}

static size_t disable_interrupts(void *user)
{
    sigset_t before;
    (void)user;
    block(&before);
    return sigismember(&before, SIGALRM) == 1;
}

static void restore_interrupts(void *user, size_t were_disabled)
{
    (void)user;
    if (!were_disabled) {
        sigset_t interrupt;
        sigemptyset(&interrupt);
        sigaddset(&interrupt, SIGALRM);
        sigprocmask(SIG_UNBLOCK, &interrupt, NULL);
    }
}

static void wake(void *user, iot_thing_t *thing)
{
    (void)user;
    (void)thing;
    woken = 1;
}

static void on_done(void *user, iot_thing_t *thing, const iot_thing_result_t *result)
{
    (void)user;
    (void)thing;
    ended++;
    failed += result->error != IOT_THING_OK && result->error != IOT_THING_ERR_CANCELLED;
}

static void on_message(void *user, iot_thing_t *thing, const iot_thing_mqtt_message_t *message)
{
    (void)user;
    (void)thing;
    (void)message;
    messages++;
}

static void interrupt(int signal)
{
    int32_t error;
    (void)signal;
    if (interrupts >= INTERRUPTS) {
        return;
    }
    switch (interrupts % 8) {
    case 6:
        error = iot_thing_update_shadow(device.thing, "{\"n\":1}", on_done, NULL);
        break;
    case 7:
        error = interrupts % 16 == 7
                    ? iot_thing_mqtt_subscribe(device.thing, "in", 1, 0, on_message, on_done, NULL)
                    : iot_thing_mqtt_unsubscribe(device.thing, "in", 0, on_done, NULL);
        break;
    default:
        error = iot_thing_publish(device.thing, "out", (const uint8_t *)"x", 1, 1, on_done, NULL);
        break;
    }
    interrupts++;
    accepted += error == IOT_THING_OK;
    /* Full, or the call before it has not ended. */
    if (error != IOT_THING_OK && error != IOT_THING_ERR_QUEUE_FULL &&
        error != IOT_THING_ERR_STATE && error != IOT_THING_ERR_NOT_FOUND) {
        unexpected = error;
    }
}

static void interrupts_while_polling(void)
{
    struct sigaction action;
    struct itimerval often = {{0, 100}, {0, 100}};
    struct itimerval never = {{0, 0}, {0, 0}};
    sim_start(0);
    sim_device_init(&device, "thing");
    port = sim_port;
    port.enter_critical = disable_interrupts;
    port.exit_critical = restore_interrupts;
    port.wake = wake;
    device.config.port = &port;
    CHECK_EQ(sim_device_make(&device), IOT_THING_OK);
    CHECK_EQ(iot_thing_connect(device.thing), IOT_THING_OK);
    memset(&action, 0, sizeof action);
    action.sa_handler = interrupt;
    action.sa_flags = SA_RESTART;
    CHECK_EQ(sigaction(SIGALRM, &action, NULL), 0);
    CHECK_EQ(setitimer(ITIMER_REAL, &often, NULL), 0);
    while (interrupts < INTERRUPTS && sim_board.violation == NULL) {
        sim_run(&device, 1);
        if (interrupts % 500 == 499) {
            sim_link_cut(&device.link);
        }
        device.broker.message_count = 0;
    }
    CHECK_EQ(setitimer(ITIMER_REAL, &never, NULL), 0);
    sim_run(&device, 600000);
    CHECK_EQ(unexpected, 0);
    CHECK(woken);
    CHECK(accepted > INTERRUPTS / 2);
    CHECK_EQ(ended, accepted);
    CHECK_EQ(failed, 0);
    CHECK_EQ(iot_thing_get_state(device.thing), IOT_THING_STATE_ONLINE);
    CHECK(sim_device_end(&device));
}

int main(int argc, char **argv)
{
    RUN(interrupts_while_polling);
    return check_report("test_interrupt");
}
