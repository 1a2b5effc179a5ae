#include <stdio.h>
#include <stdlib.h>

#include "device.h"

/* Several devices and applications count in this shadow: none may overwrite another's count. */
static iot_thing_shadow_t visits;

/* Gets the shadow as it is, and writes what it is to become. */
static int32_t count_one_more(void *user, const iot_thing_json_t *document,
                              iot_thing_json_writer_t *state)
{
    iot_thing_json_t count;
    uint32_t value = 0;
    (void)user;
    if (document != NULL && /* NULL: there is no shadow yet */
        iot_thing_json_at_path(document, "state.reported.count", &count) == IOT_THING_OK) {
        iot_thing_json_as_u32(&count, &value);
    }
    iot_thing_json_put_u32(state, "count", value + 1);
    return IOT_THING_OK;
}

static void on_counted(void *user, iot_thing_t *thing, const iot_thing_result_t *result)
{
    (void)user;
    (void)thing;
    printf("%s, code %d\n", iot_thing_err_name(result->error), (int)result->code);
    exit(result->error == IOT_THING_OK ? 0 : 1);
}

int main(void)
{
    iot_thing_t *thing = device_start();
    int32_t error = iot_thing_shadow_open(thing, &visits, "visits", 0);
    if (error == IOT_THING_OK) {
        error = iot_thing_shadow_modify(&visits, count_one_more, NULL, on_counted, NULL);
    }
    while (error == IOT_THING_OK) {
        device_turn(thing);
    }
    printf("%s\n", iot_thing_err_name(error));
    return 1;
}
