/* A program with two Rust libraries: each must go on using its own parts. */
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "iot_thing.h"

uint64_t _embassy_time_now(void);
uint32_t other_sum(const uint32_t *numbers, size_t len);

int main(void)
{
    static const uint32_t numbers[] = {1, 2, 3};
    static const char text[] = "{\"a\":7}";
    iot_thing_json_t json;
    int32_t value = 0;
    return iot_thing_json_parse(text, strlen(text), &json, NULL) == IOT_THING_OK &&
                   iot_thing_json_get_i32(&json, "a", &value) == IOT_THING_OK && value == 7 &&
                   /* Without a Thing there is no clock; the other library's has nothing to do
                    * with it. */
                   iot_thing_clock_skip(1) == IOT_THING_ERR_STATE &&
                   _embassy_time_now() == 4711 && other_sum(numbers, 3) == 6
               ? 0
               : 1;
}
