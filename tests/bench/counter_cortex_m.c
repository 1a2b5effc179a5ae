#include "counter.h"

#include <stddef.h>

#include "board.h"

/* CMSDK APB timer: counts down at the core's 25 MHz. With -icount shift=0 an instruction takes 1 ns,
 * so a tick is 40 instructions. */
typedef struct {
    volatile uint32_t control;
    volatile uint32_t value;
    volatile uint32_t reload;
} bench_timer_t;

#define TIMER ((bench_timer_t *)0x40000000u)
#define TIMER_ON 1u
#define INSTRUCTIONS_PER_TICK 40u

#define CALIBRATION_ROUNDS 100000u
#define CALIBRATION_PER_ROUND 2u

static int enabled = 1;
static uint32_t started;
static uint64_t ticks;
static uint64_t reported;

static void print_number(uint64_t number)
{
    /* More than 32 bits are needed for whole handshakes only. */
    if (number > UINT32_MAX) {
        number = UINT32_MAX;
    }
    board_print_number((uint32_t)number);
}

void report(const char *name, uint64_t value)
{
    board_print(name);
    board_print("\t");
    print_number(value);
    board_print("\n");
}

void check(int condition, const char *what)
{
    if (!condition) {
        board_print("failed: ");
        board_print(what);
        board_print("\n");
        board_exit(1);
    }
}

/* A loop of known length: the unit is what it is believed to be, or nothing is measured. */
static void calibrate(void)
{
    uint32_t rounds = CALIBRATION_ROUNDS;
    const uint32_t before = TIMER->value;
    __asm__ volatile("1: subs %0, %0, #1\n bne 1b" : "+r"(rounds)::"cc");
    const uint32_t measured = (before - TIMER->value) * INSTRUCTIONS_PER_TICK;
    const uint32_t expected = CALIBRATION_ROUNDS * CALIBRATION_PER_ROUND;
    check(measured + 100u > expected && measured < expected + 100u, "calibration");
}

void counter_init(void)
{
    board_init();
    TIMER->reload = UINT32_MAX;
    TIMER->value = UINT32_MAX;
    TIMER->control = TIMER_ON;
    calibrate();
    ticks = 0;
    reported = 0;
}

void counter_start(void)
{
    started = TIMER->value;
}

void counter_enable(int on)
{
    enabled = on;
}

void counter_stop(void)
{
    const uint32_t now = TIMER->value;
    if (enabled) {
        ticks += started - now;
    }
}

uint64_t counter_total(void)
{
    return ticks * INSTRUCTIONS_PER_TICK;
}

void counter_report(const char *name, unsigned times)
{
    const uint64_t total = counter_total();
    if (name != NULL) {
        report(name, (total - reported + times / 2u) / times);
    }
    reported = total;
}

/* ---- stack --------------------------------------------------------------------------------------- */

extern uint32_t stack_limit[]; /* mps2.ld */

#define FILLING 0xA5A5A5A5u
#define OWN_WORDS 32 /* of the function that fills; left alone */
#define FILLED_WORDS 8192 /* more than anything here uses */

static uint32_t *filled_from;

static uint32_t *stack_pointer(void)
{
    uint32_t *here;
    __asm__ volatile("mov %0, sp" : "=r"(here));
    return here;
}

static uint32_t *filled_to(void)
{
    check(filled_from - stack_limit > FILLED_WORDS, "room for the stack");
    return filled_from - FILLED_WORDS;
}

void stack_fill(void)
{
    filled_from = stack_pointer();
    for (volatile uint32_t *word = filled_to(); word < filled_from - OWN_WORDS; word++) {
        *word = FILLING;
    }
}

uint32_t stack_used(void)
{
    const uint32_t *word = filled_to();
    while (word < filled_from && *word == FILLING) {
        word++;
    }
    return (uint32_t)((filled_from - word) * (ptrdiff_t)sizeof *word);
}
