/* The POSIX port, compiled by MicroPython's make. */
#define _POSIX_C_SOURCE 200809L
#include "../../ports/posix/iot_thing_posix.c"
