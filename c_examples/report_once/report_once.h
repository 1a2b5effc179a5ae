/*
 * What the examples do that are about something else: connect, report a state once, disconnect.
 */
#ifndef REPORT_ONCE_H
#define REPORT_ONCE_H

#include "iot_thing.h"

/*
 * Makes a Thing of `config`, reports {"publish_period":1000}, waits until the cloud has accepted
 * it, and ends the connection. Failed attempts are told on stdout and made again, for up to
 * `timeout_s` seconds. Returns 0 when all of it happened, 1 when not, 2 when the configuration is
 * wrong. Sets `on_event` of the configuration.
 */
int report_once(iot_thing_config_t *config, uint32_t timeout_s);

/*
 * The contents of a file, in memory that is never given back; ends the program if it cannot be
 * read.
 */
iot_thing_bytes_t report_once_file(const char *path);

#endif
