/* The mock VM from the side of a test: values of Python, and a look into them. */
#ifndef MOCK_VM_H
#define MOCK_VM_H

#include <stddef.h>

#include "zerynth.h"

typedef enum { VM_NONE, VM_INT, VM_STRING, VM_TUPLE } vm_type_t;

struct PObject {
    vm_type_t type;
    int32_t number;
    uint8_t *text; /* exactly `len` bytes on the heap, without NUL, so that a tool sees an overrun */
    uint16_t len;
    PObject *items[8];
};

PObject *vm_string(const char *text);
PObject *vm_int(int32_t value);

/* Frees everything made so far: strings that a native kept a pointer to are gone then. */
void vm_collect(void);

/* 1 while the calling native holds the GIL. */
int vm_gil(void);

#endif
