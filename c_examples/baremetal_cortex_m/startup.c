/*
 * From reset to main(): vector table, memory, floating point unit. Nothing here is special to
 * iot_thing. The symbols come from mps2.ld.
 */
#include <stdint.h>

#include "board.h"

int main(void);
void reset(void);

extern uint32_t stack_top[];
extern uint32_t data_load[], data_start[], data_end[];
extern uint32_t bss_start[], bss_end[];

/* Coprocessor access control: full access to the floating point unit (CP10 and CP11). */
#define CPACR (*(volatile uint32_t *)0xE000ED88u)
#define CPACR_FPU (0xFu << 20)

void reset(void)
{
    const uint32_t *from = data_load;
#ifdef __ARM_FP
    CPACR |= CPACR_FPU;
    __asm__ volatile("dsb\n isb" ::: "memory");
#endif
    for (uint32_t *to = data_start; to != data_end; to++) {
        *to = *from++;
    }
    for (uint32_t *to = bss_start; to != bss_end; to++) {
        *to = 0;
    }
    board_exit(main());
}

/* A fault, or an interrupt that nobody enabled. */
static void unexpected(void)
{
    board_print("unexpected exception\n");
    board_exit(1);
}

typedef union {
    const uint32_t *stack;
    void (*handler)(void);
} vector_t;

#define SYSTEM 16 /* exceptions of the core; the board's interrupts follow */

const vector_t vectors[SYSTEM + BOARD_INTERRUPTS] __attribute__((section(".vectors"), used)) = {
    [0] = {.stack = stack_top},
    [1] = {.handler = reset},
    [2] = {.handler = unexpected},  /* NMI */
    [3] = {.handler = unexpected},  /* hard fault */
    [4] = {.handler = unexpected},  /* memory management */
    [5] = {.handler = unexpected},  /* bus fault */
    [6] = {.handler = unexpected},  /* usage fault */
    [11] = {.handler = unexpected}, /* SVCall */
    [12] = {.handler = unexpected}, /* debug monitor */
    [14] = {.handler = unexpected}, /* PendSV */
    [15] = {.handler = board_tick},
    [SYSTEM + BOARD_NETWORK_INTERRUPT] = {.handler = board_network_received},
};
