/* Shadow deltas of a given size, as the service sends them. */
#ifndef DELTA_H
#define DELTA_H

#include <stddef.h>

#define DELTA_INTEGERS 10
extern const char *const delta_integers[DELTA_INTEGERS]; /* publish_period, s0 to s8 */

#define DELTA_FIRST 30
#define DELTA_MORE_MAX 9

/*
 * Writes a delta of exactly `bytes` bytes (200, 1024 or 8192) to `out`, which holds one more, with
 * that version: 11, 16 or 113 members of state, among them the integers above (publish_period in
 * the middle, the others spread evenly), nested objects, escapes, non-integers and booleans; with
 * metadata, except in the smallest. What is left is filled by the client token. publish_period is
 * DELTA_FIRST, s0 is 101 and so on, each with `more` added, 0..DELTA_MORE_MAX. Returns `bytes`, or
 * 0 if that is too few.
 */
size_t delta_write(char *out, size_t bytes, unsigned version, unsigned more);

#endif
