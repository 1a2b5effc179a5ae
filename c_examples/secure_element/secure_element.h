/*
 * A secure element in software: the private key is in its translation unit and nowhere else. What
 * it offers is what a real one does, such as an ATECC608 or an SE050, whose driver would stand in
 * its place.
 */
#ifndef SECURE_ELEMENT_H
#define SECURE_ELEMENT_H

#include <stddef.h>
#include <stdint.h>

typedef struct {
    int raw;    /* signatures are r and then s; otherwise DER */
    int busy;   /* how often a signature is answered with "not yet" before it is ready */
    int broken; /* how many signatures fail before one is made */
} secure_element_t;

/* Puts a P-256 key (a PEM file) into the element, as happens once in a factory. 0, or -1. */
int secure_element_personalise(const char *key_file);

/* For iot_thing_config_t.sign, with a secure_element_t as sign_user. */
int32_t secure_element_sign(void *user, const uint8_t *hash, uint8_t *signature, size_t capacity,
                            size_t *len);

#endif
