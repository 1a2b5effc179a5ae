/* See vm.h and zerynth.h. */
#include "vm.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_OBJECTS 4096

static PObject *objects[MAX_OBJECTS];
static size_t count;
static int gil = 1;

static void fail(const char *text)
{
    fprintf(stderr, "FAILED: %s\n", text);
    exit(1);
}

static PObject *make(vm_type_t type)
{
    PObject *object = calloc(1, sizeof *object);
    if (!gil) {
        fail("an object was made without the GIL");
    }
    if (object == NULL || count == MAX_OBJECTS) {
        fail("the mock VM is full");
    }
    object->type = type;
    objects[count++] = object;
    return object;
}

PObject *PSMALLINT_NEW(int32_t value)
{
    PObject *object = make(VM_INT);
    if (value > 0x3FFFFFFF || value < -0x40000000) {
        fail("a small integer has 31 bits");
    }
    object->number = value;
    return object;
}

PString *pstring_new(uint16_t len, uint8_t *text)
{
    PObject *object = make(VM_STRING);
    object->text = malloc(len > 0 ? len : 1);
    object->len = len;
    if (len > 0) {
        memcpy(object->text, text, len);
    }
    return object;
}

PTuple *ptuple_new(uint16_t len, PObject **items)
{
    PObject *object = make(VM_TUPLE);
    object->len = len;
    for (uint16_t i = 0; items != NULL && i < len; i++) {
        object->items[i] = items[i];
    }
    return object;
}

void mock_tuple_set(PTuple *tuple, uint16_t index, PObject *item)
{
    if (index >= tuple->len) {
        fail("an index outside the tuple");
    }
    tuple->items[index] = item;
}

PObject *MAKE_NONE(void)
{
    return make(VM_NONE);
}

PObject *vm_string(const char *text)
{
    return pstring_new((uint16_t)strlen(text), (uint8_t *)(uintptr_t)text);
}

PObject *vm_int(int32_t value)
{
    return PSMALLINT_NEW(value);
}

int32_t parse_py_args(const char *pattern, int32_t nargs, PObject **args, ...)
{
    int32_t taken = 0;
    va_list out;
    va_start(out, args);
    while (taken < nargs && pattern[taken] != '\0') {
        PObject *argument = args[taken];
        if (pattern[taken] == 's' && argument->type == VM_STRING) {
            *va_arg(out, uint8_t **) = argument->text;
            *va_arg(out, uint32_t *) = argument->len;
        } else if (pattern[taken] == 'i' && argument->type == VM_INT) {
            *va_arg(out, int32_t *) = argument->number;
        } else {
            break;
        }
        taken++;
    }
    va_end(out);
    return taken;
}

void RELEASE_GIL(void)
{
    if (!gil) {
        fail("the GIL was released twice");
    }
    gil = 0;
}

void ACQUIRE_GIL(void)
{
    if (gil) {
        fail("the GIL was acquired twice");
    }
    gil = 1;
}

int vm_gil(void)
{
    return gil;
}

void vm_collect(void)
{
    while (count > 0) {
        PObject *object = objects[--count];
        if (object->text != NULL) {
            memset(object->text, 0xDD, object->len);
        }
        free(object->text);
        free(object);
    }
}
