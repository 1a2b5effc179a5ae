#include "delta.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define MEMBERS_MAX 113

const char *const delta_integers[DELTA_INTEGERS] = {
    "publish_period", "s0", "s1", "s2", "s3", "s4", "s5", "s6", "s7", "s8",
};

typedef struct {
    char *text;
    size_t size;
    size_t len;
} writer_t;

static void add(writer_t *out, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    const size_t room = out->len < out->size ? out->size - out->len : 0;
    const int n = vsnprintf(room > 0 ? out->text + out->len : NULL, room, format, arguments);
    va_end(arguments);
    out->len += n > 0 ? (size_t)n : 0;
}

/* Which of the integers stands at each place; -1: another kind of member. */
static void place_integers(int *integers, int count)
{
    for (int i = 0; i < count; i++) {
        integers[i] = -1;
    }
    integers[count / 2] = 0;
    for (int s = 0; s < DELTA_INTEGERS - 1; s++) {
        int place = (2 * s + 1) * count / 18;
        while (place < count - 1 && integers[place] >= 0) {
            place++;
        }
        integers[place] = s + 1;
    }
}

static void add_name(writer_t *out, int i, int integer, int count)
{
    if (integer >= 0) {
        add(out, "\"%s\":", delta_integers[integer]);
    } else if (count == MEMBERS_MAX) {
        add(out, "\"param_%03d\":", i);
    } else if (count > 11) {
        add(out, "\"param_%d\":", i);
    } else {
        add(out, "\"p%d\":", i);
    }
}

static const char *value_of(int i)
{
    switch (i % 5) {
    case 2: return "{\"x\":-1.25,\"t\":\"a\\\"\\u00e9\"}";
    case 3: return "\"first line\\nsecond\"";
    case 4: return "[true,false,null,2.54e-3]";
    default: return "21.57";
    }
}

size_t delta_write(char *out, size_t bytes, unsigned version, unsigned more)
{
    static const char time[] = "{\"timestamp\":1700000000}";
    const int count = bytes < 512 ? 11 : bytes < 4096 ? 16 : MEMBERS_MAX;
    int integers[MEMBERS_MAX];
    writer_t text = {out, bytes + 1, 0};

    place_integers(integers, count);
    add(&text, "{\"version\":%u,\"timestamp\":1700000000,\"state\":{", version);
    for (int i = 0; i < count; i++) {
        add(&text, i > 0 ? "," : "");
        add_name(&text, i, integers[i], count);
        if (integers[i] >= 0) {
            const int value = integers[i] == 0 ? DELTA_FIRST : 100 + integers[i];
            add(&text, "%d", value + (int)(more % (DELTA_MORE_MAX + 1)));
        } else {
            add(&text, "%s", value_of(i));
        }
    }
    add(&text, "}");
    for (int i = 0; count > 11 && i < count; i++) {
        add(&text, i > 0 ? "," : ",\"metadata\":{");
        add_name(&text, i, integers[i], count);
        if (integers[i] < 0 && i % 5 == 2) {
            add(&text, "{\"x\":%s,\"t\":%s}", time, time);
        } else {
            add(&text, "%s", time);
        }
    }
    add(&text, "%s,\"clientToken\":\"", count > 11 ? "}" : "");
    while (text.len + 2 < bytes) {
        add(&text, "k");
    }
    add(&text, "\"}");
    return text.len == bytes ? bytes : 0;
}
