#include "iot_thing_lwip.h"

#include "FreeRTOS.h"
#include "lwip/api.h"
#include "lwip/dns.h"
#include "lwip/tcp.h"
#include "lwip/tcpip.h"
#include "task.h"

/* ---- FreeRTOS ------------------------------------------------------------------------------------ */

static TaskHandle_t polling_task;

void iot_thing_lwip_this_task_polls(void)
{
    polling_task = xTaskGetCurrentTaskHandle();
}

/* A notification latches: one that comes before the wait ends it. */
static void wake(void)
{
    if (polling_task == NULL) {
        return;
    }
    if (xPortIsInsideInterrupt()) {
        BaseType_t switch_task = pdFALSE;
        vTaskNotifyGiveFromISR(polling_task, &switch_task);
        portYIELD_FROM_ISR(switch_task);
    } else {
        xTaskNotifyGive(polling_task);
    }
}

static uint32_t port_now_ms(void *user)
{
    (void)user;
    return (uint32_t)xTaskGetTickCountFromISR() * portTICK_PERIOD_MS;
}

/* Masks the interrupts that may call the library; usable in tasks and in interrupts, and nests. */
static size_t port_enter_critical(void *user)
{
    (void)user;
    return portSET_INTERRUPT_MASK_FROM_ISR();
}

static void port_exit_critical(void *user, size_t state)
{
    (void)user;
    portCLEAR_INTERRUPT_MASK_FROM_ISR(state);
}

static void port_wake(void *user, iot_thing_t *thing)
{
    (void)user, (void)thing;
    wake();
}

void iot_thing_freertos_port(iot_thing_port_t *port)
{
    port->now_ms = port_now_ms;
    port->enter_critical = port_enter_critical;
    port->exit_critical = port_exit_critical;
    port->wake = port_wake;
}

/* ---- looking up ------------------------------------------------------------------------------------ */

/* One name at a time. Changed by the task of lwIP, read by the polling one, both with its lock. */
static struct {
    enum { LOOKUP_NONE, LOOKUP_RUNNING, LOOKUP_DONE } state;
    int found;
    ip_addr_t address;
} lookup;

static void on_found(const char *host, const ip_addr_t *address, void *user)
{
    (void)host, (void)user;
    lookup.state = LOOKUP_DONE;
    lookup.found = address != NULL;
    if (address != NULL) {
        lookup.address = *address;
    }
    wake();
}

/* With lwIP's lock held. */
static int32_t take_lookup(iot_thing_address_t *address)
{
    lookup.state = LOOKUP_NONE;
    if (!lookup.found) {
        return ERR_VAL;
    }
    address->family = 4;
    SMEMCPY(address->ip, &ip_2_ip4(&lookup.address)->addr, 4);
    return 0;
}

static int32_t lwip_resolve(void *user, const char *host, iot_thing_address_t *address)
{
    int32_t result = IOT_THING_SOCKET_WOULD_BLOCK;
    (void)user;
    LOCK_TCPIP_CORE();
    if (lookup.state == LOOKUP_NONE) {
        err_t error = dns_gethostbyname(host, &lookup.address, on_found, NULL);
        if (error == ERR_OK) {
            lookup.found = 1;
            result = take_lookup(address);
        } else if (error == ERR_INPROGRESS) {
            lookup.state = LOOKUP_RUNNING;
        } else {
            result = error;
        }
    } else if (lookup.state == LOOKUP_DONE) {
        result = take_lookup(address);
    }
    UNLOCK_TCPIP_CORE();
    return result;
}

/* ---- sockets --------------------------------------------------------------------------------------- */

#define MAX_SOCKETS 2
static struct {
    struct netconn *connection;
    struct pbuf *received; /* not read to its end */
    uint16_t offset;
} sockets[MAX_SOCKETS];

/* Any event of a connection may be the one that the Thing waits for. */
static void on_event(struct netconn *connection, enum netconn_evt event, uint16_t len)
{
    (void)connection, (void)event, (void)len;
    wake();
}

static int32_t lwip_open(void *user, ptrdiff_t *handle)
{
    (void)user;
    for (int i = 0; i < MAX_SOCKETS; i++) {
        if (sockets[i].connection == NULL) {
            struct netconn *connection = netconn_new_with_callback(NETCONN_TCP, on_event);
            if (connection == NULL) {
                return ERR_MEM;
            }
            netconn_set_nonblocking(connection, 1);
            /* The library sends each packet whole, so waiting for more (Nagle) only costs time. */
            LOCK_TCPIP_CORE();
            tcp_nagle_disable(connection->pcb.tcp);
            UNLOCK_TCPIP_CORE();
            sockets[i].connection = connection;
            *handle = i;
            return 0;
        }
    }
    return ERR_MEM;
}

static int32_t lwip_connect_(void *user, ptrdiff_t handle, const char *host,
                             const iot_thing_address_t *address, uint16_t tcp_port)
{
    ip_addr_t peer;
    (void)user, (void)host;
    SMEMCPY(&ip_2_ip4(&peer)->addr, address->ip, 4);
    switch (netconn_connect(sockets[handle].connection, &peer, tcp_port)) {
    case ERR_OK:
    case ERR_ISCONN:
        return 0;
    case ERR_INPROGRESS:
    case ERR_ALREADY:
        return IOT_THING_SOCKET_WOULD_BLOCK;
    default: {
        err_t error = netconn_err(sockets[handle].connection);
        return error != ERR_OK ? error : ERR_CONN;
    }
    }
}

static int32_t lwip_send_(void *user, ptrdiff_t handle, const uint8_t *data, size_t len)
{
    size_t sent = 0;
    (void)user;
    err_t error = netconn_write_partly(sockets[handle].connection, data, len,
                                       NETCONN_COPY | NETCONN_DONTBLOCK, &sent);
    if (sent > 0) {
        return (int32_t)sent;
    }
    if (error == ERR_OK || error == ERR_WOULDBLOCK || error == ERR_MEM) {
        return IOT_THING_SOCKET_WOULD_BLOCK;
    }
    return error == ERR_CLSD ? IOT_THING_SOCKET_CLOSED : error;
}

static int32_t lwip_recv_(void *user, ptrdiff_t handle, uint8_t *data, size_t len)
{
    (void)user;
    if (sockets[handle].received == NULL) {
        err_t error = netconn_recv_tcp_pbuf_flags(sockets[handle].connection,
                                                  &sockets[handle].received, NETCONN_DONTBLOCK);
        sockets[handle].offset = 0;
        if (error == ERR_WOULDBLOCK) {
            return IOT_THING_SOCKET_WOULD_BLOCK;
        }
        if (error != ERR_OK) {
            return error == ERR_CLSD ? IOT_THING_SOCKET_CLOSED : error;
        }
    }
    struct pbuf *received = sockets[handle].received;
    uint16_t most = (uint16_t)(len < UINT16_MAX ? len : UINT16_MAX);
    uint16_t got = pbuf_copy_partial(received, data, most, sockets[handle].offset);
    sockets[handle].offset = (uint16_t)(sockets[handle].offset + got);
    if (sockets[handle].offset == received->tot_len) {
        pbuf_free(received);
        sockets[handle].received = NULL;
    }
    return got;
}

static void lwip_close_(void *user, ptrdiff_t handle)
{
    (void)user;
    if (sockets[handle].received != NULL) {
        pbuf_free(sockets[handle].received);
        sockets[handle].received = NULL;
    }
    /* Non-blocking: lwIP sees the end of the connection through by itself. */
    netconn_delete(sockets[handle].connection);
    sockets[handle].connection = NULL;
}

static void lwip_wait(void *user, ptrdiff_t handle, uint32_t interest, int32_t timeout_ms)
{
    (void)user, (void)handle, (void)interest;
    ulTaskNotifyTake(pdTRUE, timeout_ms == IOT_THING_FOREVER ? portMAX_DELAY
                                                             : pdMS_TO_TICKS((uint32_t)timeout_ms));
}

const iot_thing_sockets_t iot_thing_lwip_sockets = {
    .struct_size = sizeof(iot_thing_sockets_t),
    .resolve = lwip_resolve,
    .open = lwip_open,
    .connect = lwip_connect_,
    .send = lwip_send_,
    .recv = lwip_recv_,
    .close = lwip_close_,
    .wait = lwip_wait,
};
