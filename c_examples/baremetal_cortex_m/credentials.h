/* Who the device is and whom it trusts: PEM texts, written into the firmware by embed.cmake. */
#ifndef CREDENTIALS_H
#define CREDENTIALS_H

#include <stddef.h>
#include <stdint.h>

extern const uint8_t client_cert[];
extern const size_t client_cert_len;
extern const uint8_t private_key[];
extern const size_t private_key_len;
extern const uint8_t ca_certs[];
extern const size_t ca_certs_len;

#endif
