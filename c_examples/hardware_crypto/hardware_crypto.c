#include "hardware_crypto.h"

#include <string.h>

#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/evp.h>

#define POINT 65
#define TAG 16

/* The one ephemeral key, which never leaves the "chip": what the library gets is a name of it. */
static EVP_PKEY *ephemeral;
static const uint8_t ephemeral_name[32] = "key in slot 0";

static int broken(const hardware_crypto_t *hardware, const char *name)
{
    return hardware->broken != NULL && strcmp(hardware->broken, name) == 0;
}

/* A public key from its point; NULL if that is not on the curve. */
static EVP_PKEY *public_key(const uint8_t *point)
{
    EVP_PKEY *key = EVP_EC_gen("P-256"); /* for the parameters of the curve */
    if (key != NULL && EVP_PKEY_set1_encoded_public_key(key, point, POINT) != 1) {
        EVP_PKEY_free(key);
        key = NULL;
    }
    return key;
}

static int32_t keygen(void *user, uint8_t *secret, uint8_t *public_point)
{
    hardware_crypto_t *hardware = user;
    size_t len = 0;
    hardware->keygen++;
    if (broken(hardware, "keygen")) {
        return hardware->answer;
    }
    EVP_PKEY_free(ephemeral);
    ephemeral = EVP_EC_gen("P-256");
    if (ephemeral == NULL ||
        EVP_PKEY_get_octet_string_param(ephemeral, OSSL_PKEY_PARAM_PUB_KEY, public_point, POINT,
                                        &len) != 1 ||
        len != POINT) {
        return -1;
    }
    memcpy(secret, ephemeral_name, sizeof ephemeral_name);
    return IOT_THING_OK;
}

static int32_t ecdh(void *user, const uint8_t *secret, const uint8_t *peer, uint8_t *shared)
{
    hardware_crypto_t *hardware = user;
    size_t len = 32;
    hardware->ecdh++;
    if (broken(hardware, "ecdh")) {
        return hardware->answer;
    }
    if (ephemeral == NULL || memcmp(secret, ephemeral_name, sizeof ephemeral_name) != 0) {
        return -1;
    }
    EVP_PKEY *key = public_key(peer);
    if (key == NULL) {
        return IOT_THING_CRYPTO_WRONG;
    }
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new(ephemeral, NULL);
    int good = context != NULL && EVP_PKEY_derive_init(context) == 1 &&
               EVP_PKEY_derive_set_peer(context, key) == 1 &&
               EVP_PKEY_derive(context, shared, &len) == 1 && len == 32;
    EVP_PKEY_CTX_free(context);
    EVP_PKEY_free(key);
    return good ? IOT_THING_OK : -1;
}

/* The DER of r and s. Returns its length, 0 on failure. */
static size_t der_signature(const uint8_t *raw, uint8_t *der)
{
    int len = -1;
    ECDSA_SIG *numbers = ECDSA_SIG_new();
    BIGNUM *r = BN_bin2bn(raw, 32, NULL), *s = BN_bin2bn(raw + 32, 32, NULL);
    if (numbers != NULL && r != NULL && s != NULL && ECDSA_SIG_set0(numbers, r, s) == 1) {
        len = i2d_ECDSA_SIG(numbers, &der);
    } else {
        BN_free(r);
        BN_free(s);
    }
    ECDSA_SIG_free(numbers);
    return len > 0 ? (size_t)len : 0;
}

static int32_t verify(void *user, const uint8_t *point, const uint8_t *hash,
                      const uint8_t *signature)
{
    hardware_crypto_t *hardware = user;
    uint8_t der[80];
    hardware->verify++;
    if (broken(hardware, "verify")) {
        return hardware->answer;
    }
    size_t der_len = der_signature(signature, der);
    EVP_PKEY *key = public_key(point);
    if (key == NULL || der_len == 0) {
        EVP_PKEY_free(key);
        return IOT_THING_CRYPTO_WRONG;
    }
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new(key, NULL);
    int good = context != NULL && EVP_PKEY_verify_init(context) == 1 &&
               EVP_PKEY_verify(context, der, der_len, hash, 32) == 1;
    EVP_PKEY_CTX_free(context);
    EVP_PKEY_free(key);
    return good ? IOT_THING_OK : IOT_THING_CRYPTO_WRONG;
}

/* A cipher with key, nonce and additional data set; NULL for an algorithm that is not here. */
static EVP_CIPHER_CTX *cipher(uint32_t algorithm, int encrypts, const uint8_t *key,
                              const uint8_t *nonce, const uint8_t *additional,
                              size_t additional_len)
{
    int ignored;
    EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new();
    if (algorithm != IOT_THING_AEAD_AES_128_GCM || context == NULL ||
        EVP_CipherInit_ex(context, EVP_aes_128_gcm(), NULL, key, nonce, encrypts) != 1 ||
        EVP_CipherUpdate(context, NULL, &ignored, additional, (int)additional_len) != 1) {
        EVP_CIPHER_CTX_free(context);
        return NULL;
    }
    return context;
}

static int32_t seal(void *user, uint32_t algorithm, const uint8_t *key, const uint8_t *nonce,
                    const uint8_t *additional, size_t additional_len, uint8_t *in_out, size_t len,
                    uint8_t *tag)
{
    hardware_crypto_t *hardware = user;
    int done = 0;
    hardware->seal++;
    if (broken(hardware, "seal")) {
        return hardware->answer;
    }
    EVP_CIPHER_CTX *context = cipher(algorithm, 1, key, nonce, additional, additional_len);
    int good = context != NULL &&
               EVP_CipherUpdate(context, in_out, &done, in_out, (int)len) == 1 &&
               EVP_CipherFinal_ex(context, in_out + done, &done) == 1 &&
               EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_GET_TAG, TAG, tag) == 1;
    EVP_CIPHER_CTX_free(context);
    return good ? IOT_THING_OK : -1;
}

static int32_t open_sealed(void *user, uint32_t algorithm, const uint8_t *key,
                           const uint8_t *nonce, const uint8_t *additional, size_t additional_len,
                           uint8_t *in_out, size_t len, const uint8_t *tag)
{
    hardware_crypto_t *hardware = user;
    int done = 0;
    uint8_t expected[TAG];
    hardware->open++;
    if (broken(hardware, "open")) {
        return hardware->answer;
    }
    EVP_CIPHER_CTX *context = cipher(algorithm, 0, key, nonce, additional, additional_len);
    if (context == NULL) {
        return -1;
    }
    memcpy(expected, tag, TAG); /* OpenSSL does not promise to leave it as it is */
    int good = EVP_CipherUpdate(context, in_out, &done, in_out, (int)len) == 1 &&
               EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_SET_TAG, TAG, expected) == 1 &&
               EVP_CipherFinal_ex(context, in_out + done, &done) == 1;
    EVP_CIPHER_CTX_free(context);
    return good ? IOT_THING_OK : IOT_THING_CRYPTO_WRONG;
}

iot_thing_crypto_t hardware_crypto_table(hardware_crypto_t *hardware)
{
    iot_thing_crypto_t table = IOT_THING_CRYPTO_INIT;
    table.user = hardware;
    table.p256_keygen = keygen;
    table.p256_ecdh = ecdh;
    table.p256_verify = verify;
    table.aead_seal = seal;
    table.aead_open = open_sealed;
    return table;
}
