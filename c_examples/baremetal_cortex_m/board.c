#include "board.h"

#include <stddef.h>

/* ---- registers --------------------------------------------------------------------------------- */

/* CMSDK APB UART. */
typedef struct {
    volatile uint32_t data;
    volatile uint32_t state;
    volatile uint32_t control;
    volatile uint32_t interrupt; /* write 1 to clear */
    volatile uint32_t divider;
} uart_t;

#define CONSOLE ((uart_t *)0x40004000u)
#define NETWORK ((uart_t *)0x40005000u)

#define UART_STATE_TX_FULL 1u
#define UART_STATE_RX_FULL 2u
#define UART_CONTROL_TX 1u
#define UART_CONTROL_RX 2u
#define UART_CONTROL_RX_INTERRUPT 8u
#define UART_INTERRUPT_RX 2u

typedef struct {
    volatile uint32_t control;
    volatile uint32_t reload;
    volatile uint32_t current;
} systick_t;

#define SYSTICK ((systick_t *)0xE000E010u)
#define SYSTICK_ON_WITH_INTERRUPT 7u
#define CLOCK_HZ 25000000u

#define NVIC_ENABLE (*(volatile uint32_t *)0xE000E100u)

/* ---- semihosting: what the host does for us ------------------------------------------------------ */

enum { SEMIHOSTING_OPEN = 0x01, SEMIHOSTING_READ = 0x06, SEMIHOSTING_TIME = 0x11,
       SEMIHOSTING_EXIT = 0x20 };
#define OPEN_READ_BINARY 1u
#define APPLICATION_EXIT 0x20026u

static int32_t semihosting(int32_t operation, const void *argument)
{
    register int32_t r0 __asm__("r0") = operation;
    register const void *r1 __asm__("r1") = argument;
    __asm__ volatile("bkpt 0xAB" : "+r"(r0) : "r"(r1) : "memory");
    return r0;
}

void board_exit(int code)
{
    const uint32_t block[2] = {APPLICATION_EXIT, (uint32_t)code};
    for (;;) {
        semihosting(SEMIHOSTING_EXIT, block);
    }
}

/* ---- console ------------------------------------------------------------------------------------- */

static void put(char character)
{
    while (CONSOLE->state & UART_STATE_TX_FULL) {
    }
    CONSOLE->data = (uint8_t)character;
}

void board_print(const char *text)
{
    while (*text != '\0') {
        put(*text++);
    }
}

void board_print_number(uint32_t number)
{
    char digits[10];
    size_t n = 0;
    do {
        digits[n++] = (char)('0' + number % 10u);
        number /= 10u;
    } while (number != 0);
    while (n > 0) {
        put(digits[--n]);
    }
}

/* ---- clock and sleep ------------------------------------------------------------------------------- */

static volatile uint32_t now_ms;
static uint32_t slept_ms;
static uint64_t started_unix;

void board_tick(void)
{
    now_ms++;
}

uint32_t board_now_ms(void)
{
    return now_ms;
}

uint32_t board_slept_ms(void)
{
    return slept_ms;
}

static uint32_t disable_interrupts(void)
{
    uint32_t primask;
    __asm__ volatile("mrs %0, primask\n cpsid i" : "=r"(primask)::"memory");
    return primask;
}

static void restore_interrupts(uint32_t primask)
{
    __asm__ volatile("msr primask, %0" ::"r"(primask) : "memory");
}

/* ---- network ---------------------------------------------------------------------------------------- */

/* Received bytes: the interrupt writes at `head`, the library reads at `tail`. */
#define RING 4096u /* a power of two */
static uint8_t ring[RING];
static volatile uint32_t head;
static volatile uint32_t tail;
static volatile uint32_t woken;

void board_network_received(void)
{
    /* Cleared first: a byte that comes while one is read asks again. */
    NETWORK->interrupt = UART_INTERRUPT_RX;
    while ((NETWORK->state & UART_STATE_RX_FULL) && head - tail < RING) {
        ring[head % RING] = (uint8_t)NETWORK->data;
        head++;
    }
    if (head - tail == RING) {
        /* Further bytes stay in the UART, which makes the other side wait, until there is room. */
        NETWORK->control &= ~UART_CONTROL_RX_INTERRUPT;
    }
}

/* The line is always there: nothing has to be looked up or dialled. */
static int32_t network_open(void *user, ptrdiff_t *socket)
{
    (void)user;
    *socket = 0;
    return 0;
}

static int32_t network_connect(void *user, ptrdiff_t socket, const char *host,
                               const iot_thing_address_t *address, uint16_t port)
{
    (void)user, (void)socket, (void)host, (void)address, (void)port;
    return 0;
}

static int32_t network_send(void *user, ptrdiff_t socket, const uint8_t *data, size_t len)
{
    size_t sent = 0;
    (void)user, (void)socket;
    while (sent < len && !(NETWORK->state & UART_STATE_TX_FULL)) {
        NETWORK->data = data[sent++];
    }
    return sent > 0 ? (int32_t)sent : IOT_THING_SOCKET_WOULD_BLOCK;
}

static int32_t network_recv(void *user, ptrdiff_t socket, uint8_t *data, size_t len)
{
    size_t received = 0;
    (void)user, (void)socket;
    while (received < len && tail != head) {
        data[received++] = ring[tail % RING];
        tail++;
    }
    if (received == 0) {
        return IOT_THING_SOCKET_WOULD_BLOCK;
    }
    if (!(NETWORK->control & UART_CONTROL_RX_INTERRUPT)) {
        /* For a byte that waits already there will be no interrupt. */
        uint32_t state = disable_interrupts();
        NETWORK->control |= UART_CONTROL_RX_INTERRUPT;
        board_network_received();
        restore_interrupts(state);
    }
    return (int32_t)received;
}

static void network_close(void *user, ptrdiff_t socket)
{
    (void)user, (void)socket;
    tail = head;
}

/*
 * Sleeps until something has arrived, iot_thing_port_t.wake was called, or the time has passed.
 * Bytes come one by one, each with an interrupt: they are looked at once a millisecond, with the
 * tick, rather than polling the Thing for each of them.
 */
static void network_wait(void *user, ptrdiff_t socket, uint32_t interest, int32_t timeout_ms)
{
    const uint32_t start = now_ms;
    uint32_t looked = start;
    (void)user, (void)socket;
    for (;;) {
        /* With interrupts off none can slip in between the question and the sleep; it ends the
         * sleep all the same, and is served when they are on again. */
        uint32_t state = disable_interrupts();
        int ready = woken || (interest & IOT_THING_IO_WRITE) ||
                    (timeout_ms != IOT_THING_FOREVER && now_ms - start >= (uint32_t)timeout_ms);
        if (!ready && looked != now_ms) {
            ready = head != tail && (interest & IOT_THING_IO_READ);
            looked = now_ms;
        }
        if (!ready) {
            __asm__ volatile("dsb\n wfi" ::: "memory");
        }
        restore_interrupts(state);
        if (ready) {
            break;
        }
    }
    woken = 0;
    slept_ms += now_ms - start;
}

const iot_thing_sockets_t board_sockets = {
    .struct_size = sizeof(iot_thing_sockets_t),
    .open = network_open,
    .connect = network_connect,
    .send = network_send,
    .recv = network_recv,
    .close = network_close,
    .wait = network_wait,
};

/* ---- port ------------------------------------------------------------------------------------------- */

static uint32_t port_now_ms(void *user)
{
    (void)user;
    return now_ms;
}

static uint64_t port_unix_time(void *user)
{
    (void)user;
    return started_unix + now_ms / 1000u;
}

static int32_t port_random(void *user, uint8_t *out, size_t len)
{
    static const char path[] = "/dev/urandom";
    static int32_t file = -1;
    (void)user;
    if (file < 0) {
        const uintptr_t block[3] = {(uintptr_t)path, OPEN_READ_BINARY, sizeof path - 1};
        file = semihosting(SEMIHOSTING_OPEN, block);
    }
    const uintptr_t block[3] = {(uintptr_t)file, (uintptr_t)out, len};
    /* The answer is how many bytes are missing. */
    return file >= 0 && semihosting(SEMIHOSTING_READ, block) == 0 ? 0 : -1;
}

static size_t port_enter_critical(void *user)
{
    (void)user;
    return disable_interrupts();
}

static void port_exit_critical(void *user, size_t state)
{
    (void)user;
    restore_interrupts(state);
}

static void port_wake(void *user, iot_thing_t *thing)
{
    (void)user, (void)thing;
    woken = 1;
}

static void port_log(void *user, int32_t level, const char *text)
{
    (void)user, (void)level;
    board_print("  ");
    board_print(text);
    board_print("\n");
}

static void port_panic(void *user, const uint8_t *file, size_t file_len, uint32_t line)
{
    (void)user;
    board_print("PANIC: ");
    while (file_len-- > 0) {
        put((char)*file++);
    }
    board_print(":");
    board_print_number(line);
    board_print("\n");
    board_exit(1);
}

const iot_thing_port_t board_port = {
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

void board_init(void)
{
    CONSOLE->divider = 16;
    CONSOLE->control = UART_CONTROL_TX;
    NETWORK->divider = 16;
    NETWORK->control = UART_CONTROL_TX | UART_CONTROL_RX | UART_CONTROL_RX_INTERRUPT;
    NVIC_ENABLE = 1u << BOARD_NETWORK_INTERRUPT;
    SYSTICK->reload = CLOCK_HZ / 1000u - 1u;
    SYSTICK->current = 0;
    SYSTICK->control = SYSTICK_ON_WITH_INTERRUPT;
    started_unix = (uint32_t)semihosting(SEMIHOSTING_TIME, NULL);
}
