/*
 * A stand-in for Zerynth's C ABI, as far as the natives of iot_thing use it, written for the tests
 * from what is known of the real one: the shape of a native, the arguments of parse_py_args, how
 * results are made, the GIL, and the exceptions. vm.c implements it.
 */
#ifndef MOCK_ZERYNTH_H
#define MOCK_ZERYNTH_H

#include <stdint.h>

typedef int32_t err_t;
typedef struct PObject PObject;
typedef PObject PString;
typedef PObject PTuple;

enum {
    ERR_OK,
    ERR_TYPE_EXC,
    ERR_VALUE_EXC,
    ERR_OVERFLOW_EXC,
    ERR_RUNTIME_EXC,
    ERR_IOERROR_EXC,
    ERR_TIMEOUT_EXC,
    ERR_UNSUPPORTED_EXC,
    ERR_CONNECTION_REF_EXC,
    ERR_CONNECTION_RES_EXC,
    ERR_CONNECTION_ABR_EXC
};

#define C_NATIVE(name) \
    err_t name(int32_t nargs, PObject *self, PObject **args, PObject **res); \
    err_t name(int32_t nargs, PObject *self, PObject **args, PObject **res)
#define C_NATIVE_UNWARN() ((void)nargs, (void)self, (void)args, (void)res)

/* 's': uint8_t **, uint32_t *; 'i': int32_t *. Returns how many arguments it took. */
int32_t parse_py_args(const char *pattern, int32_t nargs, PObject **args, ...);

PObject *PSMALLINT_NEW(int32_t value);
PString *pstring_new(uint16_t len, uint8_t *text);
PTuple *ptuple_new(uint16_t len, PObject **items);
#define PTUPLE_SET_ITEM(tuple, index, item) mock_tuple_set((tuple), (index), (item))
void mock_tuple_set(PTuple *tuple, uint16_t index, PObject *item);
PObject *MAKE_NONE(void);

void RELEASE_GIL(void);
void ACQUIRE_GIL(void);

#endif
