/* Somebody's program: it links more than a constant, and says whether header and archive agree. */
#include <stdio.h>

#include "iot_thing.h"

int main(void)
{
    iot_thing_config_t config = IOT_THING_CONFIG_INIT;
    size_t needed;
    config.endpoint = "no host";
    printf("iot_thing %#x\n", (unsigned)iot_thing_version());
    return iot_thing_version() == IOT_THING_VERSION_NUMBER &&
                   iot_thing_memory_needed(&config, &needed) == IOT_THING_ERR_ENDPOINT
               ? 0
               : 1;
}
