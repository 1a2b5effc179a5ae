/* The compiler and the board, for lwIP. */
#ifndef ARCH_CC_H
#define ARCH_CC_H

#include <stdint.h>
#include <stdlib.h>

#include "board.h"

#define LWIP_PLATFORM_DIAG(x) ((void)0)
#define LWIP_PLATFORM_ASSERT(text) \
    do { \
        board_print("assertion of lwIP failed: "); \
        board_print(text); \
        board_exit(1); \
    } while (0)
uint32_t lwip_random(void);
#define LWIP_RAND() lwip_random()

#endif
