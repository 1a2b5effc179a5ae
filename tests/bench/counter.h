/*
 * Counts instructions: on the emulated core with a timer that advances with the instructions
 * executed (QEMU's -icount), on the host with valgrind's callgrind. The same code gives the same
 * numbers on every machine.
 */
#ifndef COUNTER_H
#define COUNTER_H

#include <stdint.h>

/* Starts the machine as well, where there is no operating system. */
void counter_init(void);

/* Counts from start to stop; pairs add up. While disabled, neither does anything. */
void counter_start(void);
void counter_stop(void);
void counter_enable(int enabled);

/* What has been counted since counter_init(); 0 on the host, where callgrind keeps the number. */
uint64_t counter_total(void);

/* Ends a measurement made `times` times, and prints "name<TAB>instructions of one". */
void counter_report(const char *name, unsigned times);

/*
 * The stack: fills what is free below the caller, and tells how much of it was used since. 0 where
 * that cannot be told.
 */
void stack_fill(void);
uint32_t stack_used(void);

/* Prints "name<TAB>value"; nothing on the host. */
void report(const char *name, uint64_t value);

/* Ends the program when the condition does not hold: what would be measured is not what it seems. */
void check(int condition, const char *what);

#endif
