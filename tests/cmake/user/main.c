/* Somebody's program. */
#include "iot_thing.h"

int main(void)
{
    return iot_thing_version() == IOT_THING_VERSION_NUMBER ? 0 : 1;
}
