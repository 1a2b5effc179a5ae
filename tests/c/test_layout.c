/*
 * The layout of the public structures is the ABI: an application that was built against an older
 * header must still fit. The snapshot is layout.inc; a difference does not compile.
 *
 * Needs no library and no C run-time, so it is also compiled for targets that cannot run here:
 *     clang --target=armv7m-none-eabi -ffreestanding -fsyntax-only ...
 */
#include <stddef.h>

#include "iot_thing.h"

#if UINTPTR_MAX > 0xFFFFFFFFu
#define COLUMN(on64, on32, on_x86) (on64)
#elif defined(__i386__)
#define COLUMN(on64, on32, on_x86) (on_x86)
#else
#define COLUMN(on64, on32, on_x86) (on32)
#endif

/* An array of negative length is an error that names the structure and the field. */
#define SIZE(type, on64, on32, on_x86) \
    extern char size_of_##type[sizeof(type) == COLUMN(on64, on32, on_x86) ? 1 : -1];
#define FIELD(type, field, on64, on32, on_x86) \
    extern char offset_of_##type##_##field \
        [offsetof(type, field) == COLUMN(on64, on32, on_x86) ? 1 : -1];
#include "layout.inc"
#undef SIZE
#undef FIELD

#if defined(__STDC_HOSTED__) && __STDC_HOSTED__
#include <stdio.h>

#define SIZE(type, on64, on32, on_x86) + 1
#define FIELD(type, field, on64, on32, on_x86) + 1
int main(void)
{
    const int entries = 0
#include "layout.inc"
        ;
    printf("test_layout: %d sizes and offsets are as in the snapshot\n", entries);
    return entries > 100 ? 0 : 1;
}
#endif
