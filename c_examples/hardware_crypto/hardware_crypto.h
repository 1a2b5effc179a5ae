/*
 * A double of a chip's cryptography: P-256 and AES-GCM by OpenSSL instead of the library's software.
 * A driver of a real accelerator would stand in its place.
 */
#ifndef HARDWARE_CRYPTO_H
#define HARDWARE_CRYPTO_H

#include "iot_thing.h"

/* How often each function was called, and which fails, or finds everything wrong; for tests. */
typedef struct {
    unsigned keygen, ecdh, verify, seal, open;
    const char *broken; /* "keygen", "ecdh", "verify", "seal", "open" or NULL */
    int32_t answer;     /* what that one returns */
} hardware_crypto_t;

/* All functions, with `hardware` as their user. */
iot_thing_crypto_t hardware_crypto_table(hardware_crypto_t *hardware);

#endif
