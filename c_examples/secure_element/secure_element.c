#include "secure_element.h"

#include <stdio.h>
#include <string.h>

#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>

#include "iot_thing.h"

static EVP_PKEY *private_key;

int secure_element_personalise(const char *key_file)
{
    FILE *file = fopen(key_file, "rb");
    if (file == NULL) {
        return -1;
    }
    private_key = PEM_read_PrivateKey(file, NULL, NULL, NULL);
    fclose(file);
    return private_key != NULL ? 0 : -1;
}

/* Signs a hash; DER. Returns the length, 0 on failure. */
static size_t sign_der(const uint8_t *hash, uint8_t *der, size_t capacity)
{
    size_t len = capacity;
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new(private_key, NULL);
    if (context == NULL || EVP_PKEY_sign_init(context) != 1 ||
        EVP_PKEY_sign(context, der, &len, hash, 32) != 1) {
        len = 0;
    }
    EVP_PKEY_CTX_free(context);
    return len;
}

/* r and s of a DER signature, 32 bytes each. Returns 64, 0 on failure. */
static size_t raw_from_der(const uint8_t *der, size_t len, uint8_t *raw)
{
    ECDSA_SIG *numbers = d2i_ECDSA_SIG(NULL, &der, (long)len);
    int good = numbers != NULL && BN_bn2binpad(ECDSA_SIG_get0_r(numbers), raw, 32) == 32 &&
               BN_bn2binpad(ECDSA_SIG_get0_s(numbers), raw + 32, 32) == 32;
    ECDSA_SIG_free(numbers);
    return good ? 64 : 0;
}

int32_t secure_element_sign(void *user, const uint8_t *hash, uint8_t *signature, size_t capacity,
                            size_t *len)
{
    static uint8_t current[32]; /* what is being signed */
    static int calls;
    secure_element_t *element = user;
    uint8_t der[80];

    if (memcmp(current, hash, sizeof current) != 0) {
        memcpy(current, hash, sizeof current);
        calls = 0;
    }
    if (calls++ < element->busy) {
        printf("secure element: not yet\n");
        return IOT_THING_SIGN_PENDING;
    }
    memset(current, 0, sizeof current);
    if (element->broken > 0) {
        element->broken--;
        printf("secure element: failed\n");
        return -1;
    }
    size_t der_len = sign_der(hash, der, sizeof der);
    if (der_len == 0 || capacity < 64) {
        return -1;
    }
    if (element->raw) {
        *len = raw_from_der(der, der_len, signature);
    } else if (der_len <= capacity) {
        memcpy(signature, der, der_len);
        *len = der_len;
    } else {
        *len = 0;
    }
    printf("secure element: signed\n");
    return *len > 0 ? IOT_THING_OK : -1;
}
