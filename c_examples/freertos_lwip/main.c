/*
 * Firmware with FreeRTOS and lwIP: one task polls the Thing and sleeps in between, another one
 * publishes samples; both share one property, publish_period, with the cloud. It ends with a verdict
 * when the cloud has changed the period and the samples have been acknowledged (a product would go
 * on for ever).
 */
#include <string.h>

#include "FreeRTOS.h"
#include "board.h"
#include "credentials.h"
#include "iot_thing.h"
#include "iot_thing_lwip.h"
#include "lan9118.h"
#include "lwip/dhcp.h"
#include "lwip/netifapi.h"
#include "lwip/tcpip.h"
#include "task.h"

#define TIME_LIMIT_MS 100000u
#define SAMPLES 10u
#define WORDS(bytes) ((bytes) / sizeof(StackType_t))

static uint64_t memory[(IOT_THING_MEMORY_SIZE_DEFAULT + 7) / 8];
static iot_thing_port_t port;
static iot_thing_t *thing;
static struct netif ethernet;

static volatile uint32_t publish_period = 1000; /* ms; kept in sync with the cloud */
static volatile uint32_t acknowledged;
static volatile int obeyed;
static uint32_t polls;
static TaskHandle_t tasks[3];

static void say(const char *what, uint32_t number)
{
    board_print(what);
    board_print_number(number);
    board_print("\n");
}

static void stop(const char *why, int code)
{
    board_print(why);
    board_print("\n");
    say("polls: ", polls);
    say("stack left, polling task: ", (uint32_t)uxTaskGetStackHighWaterMark(tasks[0]) * 4u);
    say("heap left: ", (uint32_t)xPortGetFreeHeapSize());
    board_print(code == 0 ? "PASSED\n" : "FAILED\n");
    board_exit(code);
}

/* ---- the Thing ------------------------------------------------------------------------------------ */

static void on_event(void *user, iot_thing_t *self, const iot_thing_event_t *event)
{
    (void)user, (void)self;
    if (event->type == IOT_THING_EVENT_CONNECTED) {
        board_print("connected\n");
    } else if (event->error != IOT_THING_OK) {
        stop(iot_thing_err_name(event->error), 1);
    }
}

/* The cloud wants another state: apply it, and report what is in force now. */
static int32_t on_request(void *user, const iot_thing_json_t *wanted, iot_thing_json_writer_t *out)
{
    uint32_t period;
    (void)user;
    if (iot_thing_json_get_u32(wanted, "publish_period", &period) == IOT_THING_OK) {
        publish_period = period;
        obeyed = 1;
        say("the cloud requests publish_period ", period);
        iot_thing_json_put_u32(out, "publish_period", period);
    }
    return IOT_THING_OK;
}

static void on_reported(void *user, iot_thing_t *self, const iot_thing_result_t *result)
{
    (void)user, (void)self;
    if (result->error != IOT_THING_OK) {
        stop(iot_thing_err_name(result->error), 1);
    }
    board_print("waiting for the cloud\n");
}

static void on_published(void *user, iot_thing_t *self, const iot_thing_result_t *result)
{
    (void)user, (void)self;
    if (result->error != IOT_THING_OK) {
        stop(iot_thing_err_name(result->error), 1);
    }
    acknowledged++;
}

static int32_t start_thing(void)
{
    iot_thing_config_t config = IOT_THING_CONFIG_INIT;
    port = board_port;
    iot_thing_freertos_port(&port);
    config.endpoint = ENDPOINT;
    config.tcp_port = TCP_PORT;
    config.mqtt_id = THING_NAME;
    config.client_cert = (iot_thing_bytes_t){client_cert, client_cert_len};
    config.private_key = (iot_thing_bytes_t){private_key, private_key_len};
    config.ca_certs = (iot_thing_bytes_t){ca_certs, ca_certs_len};
    config.sockets = &iot_thing_lwip_sockets;
    config.port = &port;
    config.on_event = on_event;
    int32_t error = iot_thing_init(&thing, memory, sizeof memory, &config);
    if (error == IOT_THING_OK) {
        iot_thing_on_shadow_request(thing, on_request, NULL);
        iot_thing_connect(thing);
        error = iot_thing_update_shadow(thing, "{\"publish_period\":1000}", on_reported, NULL);
    }
    return error;
}

/* ---- tasks ------------------------------------------------------------------------------------------ */

/* Publishes from beside the task that polls; the library copies and wakes it. */
static void sample_task(void *user)
{
    char text[32];
    uint32_t sample = 0;
    (void)user;
    for (;;) {
        iot_thing_json_writer_t json;
        size_t len = 0;
        iot_thing_json_writer_init(&json, text, sizeof text);
        iot_thing_json_begin_object(&json, NULL);
        iot_thing_json_put_u32(&json, "asample", sample++ % 11u);
        iot_thing_json_end_object(&json);
        iot_thing_json_writer_finish(&json, &len);
        int32_t error = iot_thing_publish(thing, THING_NAME "/sample", (const uint8_t *)text, len,
                                          1, on_published, NULL);
        if (error != IOT_THING_OK && error != IOT_THING_ERR_QUEUE_FULL) {
            stop(iot_thing_err_name(error), 1);
        }
        vTaskDelay(pdMS_TO_TICKS(publish_period));
    }
}

static void network_task(void *user)
{
    (void)user;
    for (;;) {
        lan9118_poll(&ethernet);
        vTaskDelay(1);
    }
}

static void thing_task(void *user)
{
    (void)user;
    tcpip_init(NULL, NULL);
    netifapi_netif_add(&ethernet, NULL, NULL, NULL, NULL, lan9118_init, tcpip_input);
    netifapi_netif_set_default(&ethernet);
    netifapi_netif_set_up(&ethernet);
    xTaskCreate(network_task, "network", WORDS(2048), NULL, 3, &tasks[1]);
    netifapi_dhcp_start(&ethernet);
    while (ip4_addr_isany_val(*netif_ip4_addr(&ethernet))) {
        vTaskDelay(pdMS_TO_TICKS(10));
    }
    board_print("network is up\n");

    iot_thing_lwip_this_task_polls();
    int32_t error = start_thing();
    if (error == IOT_THING_OK) {
        xTaskCreate(sample_task, "sample", WORDS(2048), NULL, 1, &tasks[2]);
    }
    while (error == IOT_THING_OK) {
        if (obeyed && acknowledged >= SAMPLES) {
            stop("obeyed, and the samples are acknowledged", 0);
        }
        if (board_now_ms() > TIME_LIMIT_MS) {
            stop("it takes too long", 1);
        }
        polls++;
        error = iot_thing_wait(thing, iot_thing_poll(thing));
    }
    stop(iot_thing_err_name(error), 1);
}

/* ---- start ------------------------------------------------------------------------------------------- */

void vApplicationTickHook(void);
void vApplicationTickHook(void)
{
    board_tick();
}

void vApplicationStackOverflowHook(TaskHandle_t task, char *name);
void vApplicationStackOverflowHook(TaskHandle_t task, char *name)
{
    (void)task;
    board_print("stack overflow: ");
    board_print(name);
    board_print("\n");
    board_exit(1);
}

void vApplicationMallocFailedHook(void);
void vApplicationMallocFailedHook(void)
{
    board_print("the heap of FreeRTOS is used up\n");
    board_exit(1);
}

uint32_t lwip_random(void)
{
    uint32_t number = 0;
    board_port.random(NULL, (uint8_t *)&number, sizeof number);
    return number;
}

/* FreeRTOS takes over three exceptions: the board's vectors are copied, and those replaced. */
void vPortSVCHandler(void);
void xPortPendSVHandler(void);
void xPortSysTickHandler(void);
extern const uint32_t vectors[16 + BOARD_INTERRUPTS];

static void take_over_exceptions(void)
{
    static uint32_t own[16 + BOARD_INTERRUPTS] __attribute__((aligned(256)));
    memcpy(own, vectors, sizeof own);
    own[11] = (uint32_t)(uintptr_t)vPortSVCHandler;
    own[14] = (uint32_t)(uintptr_t)xPortPendSVHandler;
    own[15] = (uint32_t)(uintptr_t)xPortSysTickHandler;
    *(volatile uint32_t *)0xE000ED08u = (uint32_t)(uintptr_t)own; /* VTOR */
}

int main(void)
{
    __asm__ volatile("cpsid i" ::: "memory"); /* the scheduler lets interrupts in */
    board_init();
    take_over_exceptions();
    /* The TLS handshake runs on this stack. */
    xTaskCreate(thing_task, "thing", WORDS(24u * 1024u), NULL, 2, &tasks[0]);
    vTaskStartScheduler();
    return 1;
}
