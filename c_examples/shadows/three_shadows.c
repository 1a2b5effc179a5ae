#include <stdio.h>

#include "device.h"

static iot_thing_shadow_t thermostat, lighting, security;
static int32_t setpoint = 2100; /* hundredths of a degree */
static int32_t lights_on;
static char mode[16] = "disarmed";

/* Each shadow has a callback of its own: it takes what it knows and reports what is in force. */
static int32_t on_thermostat(void *user, iot_thing_shadow_t *shadow,
                             const iot_thing_shadow_delta_t *delta, iot_thing_json_writer_t *reported)
{
    iot_thing_json_t wanted;
    int64_t value;
    (void)user;
    (void)shadow;
    if (iot_thing_json_get(&delta->requested, "setpoint", &wanted) == IOT_THING_OK &&
        iot_thing_json_as_scaled(&wanted, 2, &value) == IOT_THING_OK && value >= 500 &&
        value <= 3000) {
        setpoint = (int32_t)value;
    }
    iot_thing_json_put_scaled(reported, "setpoint", setpoint, 2);
    return IOT_THING_OK;
}

static int32_t on_lighting(void *user, iot_thing_shadow_t *shadow,
                           const iot_thing_shadow_delta_t *delta, iot_thing_json_writer_t *reported)
{
    (void)user;
    (void)shadow;
    iot_thing_json_get_bool(&delta->requested, "on", &lights_on);
    iot_thing_json_put_bool(reported, "on", lights_on);
    return IOT_THING_OK;
}

static int32_t on_security(void *user, iot_thing_shadow_t *shadow,
                           const iot_thing_shadow_delta_t *delta, iot_thing_json_writer_t *reported)
{
    (void)user;
    (void)shadow;
    iot_thing_json_get_string(&delta->requested, "mode", mode, sizeof mode, NULL);
    iot_thing_json_put_string(reported, "mode", mode);
    return IOT_THING_OK;
}

/* Called once for each update, whatever happens to it. */
static void on_reported(void *user, iot_thing_t *thing, const iot_thing_result_t *result)
{
    (void)thing;
    if (result->error == IOT_THING_OK) {
        printf("%s: version %llu\n", (const char *)user, (unsigned long long)result->version);
    } else {
        printf("%s: %s, code %d\n", (const char *)user, iot_thing_err_name(result->error),
               (int)result->code);
    }
    fflush(stdout);
}

static void begin(iot_thing_t *thing, iot_thing_shadow_t *shadow, const char *name,
                  iot_thing_shadow_delta_fn on_delta, const char *state, size_t len)
{
    int32_t error = iot_thing_shadow_open(thing, shadow, name, 0);
    if (error == IOT_THING_OK) {
        error = iot_thing_shadow_on_delta(shadow, on_delta, NULL);
    }
    if (error == IOT_THING_OK) {
        error = iot_thing_shadow_update(shadow, state, len, NULL, on_reported, (void *)name, NULL);
    }
    if (error != IOT_THING_OK) {
        printf("%s: %s\n", name, iot_thing_err_name(error));
    }
}

#define BEGIN(shadow, on_delta, state) \
    begin(thing, &shadow, #shadow, on_delta, state, sizeof state - 1)

int main(void)
{
    iot_thing_t *thing = device_start();
    BEGIN(thermostat, on_thermostat, "{\"setpoint\":21.00}");
    BEGIN(lighting, on_lighting, "{\"on\":false}");
    BEGIN(security, on_security, "{\"mode\":\"disarmed\"}");
    for (;;) {
        device_turn(thing);
    }
}
