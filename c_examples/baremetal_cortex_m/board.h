/*
 * The board: Arm MPS2 with a Cortex-M3 (AN385) or M4F (AN386), as QEMU emulates it.
 *
 * UART0 is the console. UART1 is the network: QEMU bridges it to a TCP connection, so what a modem
 * or a network stack does on a real board happens outside. SysTick is the clock. What the board
 * lacks, a random source and a calendar clock, comes from the host by semihosting.
 */
#ifndef BOARD_H
#define BOARD_H

#include <stdint.h>

#include "iot_thing.h"

/* For the vector table. */
#define BOARD_INTERRUPTS 32
#define BOARD_NETWORK_INTERRUPT 2 /* UART1 has received */
void board_tick(void);
void board_network_received(void);

/* Starts the clock and the UARTs. */
void board_init(void);

/* For iot_thing_config_t. */
extern const iot_thing_sockets_t board_sockets;
extern const iot_thing_port_t board_port;

/* Milliseconds since board_init(); wraps. */
uint32_t board_now_ms(void);

/* Milliseconds of these that the core slept. */
uint32_t board_slept_ms(void);

/* The console. */
void board_print(const char *text);
void board_print_number(uint32_t number);

/* Ends the emulation; `code` becomes QEMU's exit code. */
__attribute__((noreturn)) void board_exit(int code);

#endif
