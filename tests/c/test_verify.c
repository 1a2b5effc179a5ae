/*
 * iot_thing_verify_server_chain on its own, with the certificates of tools/pki --extra in the
 * directory that IOT_THING_TEST_PKI names.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <time.h>

#include "check.h"
#include "iot_thing.h"

static uint8_t chain[16384];
static uint8_t roots[8192];
static uint8_t memory[16384];

static iot_thing_bytes_t file(const char *name, uint8_t *buffer, size_t capacity)
{
    char path[1024];
    iot_thing_bytes_t bytes = {buffer, 0};
    snprintf(path, sizeof path, "%s/%s", getenv("IOT_THING_TEST_PKI"), name);
    FILE *stream = fopen(path, "rb");
    if (stream != NULL) {
        bytes.len = fread(buffer, 1, capacity, stream);
        fclose(stream);
    }
    if (!CHECK(bytes.len > 0)) {
        fprintf(stderr, "cannot read %s\n", path);
    }
    return bytes;
}

static iot_thing_verification_t usual(const char *chain_name, const char *roots_name)
{
    iot_thing_verification_t v = IOT_THING_VERIFICATION_INIT;
    v.chain = file(chain_name, chain, sizeof chain);
    v.ca_certs = file(roots_name, roots, sizeof roots);
    v.host = "localhost";
    v.unix_time = (uint64_t)time(NULL);
    v.memory = memory;
    v.memory_size = sizeof memory;
    return v;
}

static int32_t verdict(const char *chain_name, const char *roots_name)
{
    iot_thing_verification_t v = usual(chain_name, roots_name);
    return iot_thing_verify_server_chain(&v);
}

static void each_check_has_its_error(void)
{
    CHECK_EQ(verdict("server-chain.pem", "server-root.pem"), IOT_THING_OK);
    CHECK_EQ(verdict("rsa-chain.pem", "rsa-root.pem"), IOT_THING_OK);
    CHECK_EQ(verdict("expired-chain.pem", "server-root.pem"), IOT_THING_ERR_CERT_EXPIRED);
    CHECK_EQ(verdict("future-chain.pem", "server-root.pem"), IOT_THING_ERR_CERT_NOT_YET_VALID);
    CHECK_EQ(verdict("wrong-host-chain.pem", "server-root.pem"), IOT_THING_ERR_CERT_HOST_NAME);
    CHECK_EQ(verdict("no-server-auth-chain.pem", "server-root.pem"), IOT_THING_ERR_CERT_USAGE);
    CHECK_EQ(verdict("rogue-chain.pem", "server-root.pem"), IOT_THING_ERR_CERT_SIGNATURE);
    CHECK_EQ(verdict("leaf-as-ca-chain.pem", "server-root.pem"), IOT_THING_ERR_CERT_USAGE);
    CHECK_EQ(verdict("server-chain.pem", "rsa-root.pem"), IOT_THING_ERR_CERT_UNKNOWN_ISSUER);
    CHECK_EQ(verdict("server-leaf.pem", "server-root.pem"), IOT_THING_ERR_CERT_UNKNOWN_ISSUER);
    CHECK_EQ(verdict("server-leaf.key", "server-root.pem"), IOT_THING_ERR_CERT_MALFORMED);
    CHECK_EQ(verdict("server-chain.pem", "server-root.key"), IOT_THING_ERR_CA_CERTS);
}

static void names(void)
{
    static const struct {
        const char *host;
        int32_t verdict;
    } cases[] = {
        {"LocalHost", IOT_THING_OK},
        {"iot.us-east-1.amazonaws.com", IOT_THING_OK},
        {"a1b2-ats.iot.us-east-1.amazonaws.com", IOT_THING_OK},
        {"a.b.iot.us-east-1.amazonaws.com", IOT_THING_ERR_CERT_HOST_NAME},
        {"us-east-1.amazonaws.com", IOT_THING_ERR_CERT_HOST_NAME},
        {"127.0.0.1", IOT_THING_ERR_CERT_HOST_NAME},
        {"", IOT_THING_ERR_ENDPOINT},
        {"no host", IOT_THING_ERR_ENDPOINT},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        iot_thing_verification_t v = usual("server-chain.pem", "server-root.pem");
        v.host = cases[i].host;
        check_context("%s", cases[i].host);
        CHECK_EQ(iot_thing_verify_server_chain(&v), cases[i].verdict);
    }
}

/* The time is unknown, or a clock is known to be behind. */
static void clocks(void)
{
    const uint64_t now = (uint64_t)time(NULL), day = 24 * 3600;
    iot_thing_verification_t v = usual("server-chain.pem", "server-root.pem");
    v.unix_time = 0;
    CHECK_EQ(iot_thing_verify_server_chain(&v), IOT_THING_ERR_CERT_TIME_UNKNOWN);
    v.earliest_unix_time = 1;
    CHECK_EQ(iot_thing_verify_server_chain(&v), IOT_THING_OK);
    v.earliest_unix_time = now;
    CHECK_EQ(iot_thing_verify_server_chain(&v), IOT_THING_OK);
    v.earliest_unix_time = now + 20 * 365 * day;
    CHECK_EQ(iot_thing_verify_server_chain(&v), IOT_THING_ERR_CERT_EXPIRED);
    v.unix_time = 12345; /* behind: as good as unknown */
    v.earliest_unix_time = now;
    CHECK_EQ(iot_thing_verify_server_chain(&v), IOT_THING_OK);

    v = usual("expired-chain.pem", "server-root.pem");
    v.unix_time = 0;
    v.earliest_unix_time = now;
    CHECK_EQ(iot_thing_verify_server_chain(&v), IOT_THING_ERR_CERT_EXPIRED);
    /* Its issuer is younger than its end: there is no moment at which both are valid. */
    v.earliest_unix_time = now - 5 * day;
    CHECK_EQ(iot_thing_verify_server_chain(&v), IOT_THING_ERR_CERT_NOT_YET_VALID);

    /* A known time is judged strictly. */
    v = usual("future-chain.pem", "server-root.pem");
    v.earliest_unix_time = now - day;
    CHECK_EQ(iot_thing_verify_server_chain(&v), IOT_THING_ERR_CERT_NOT_YET_VALID);
    v.unix_time = 0;
    CHECK_EQ(iot_thing_verify_server_chain(&v), IOT_THING_OK);
}

static void misuse(void)
{
    iot_thing_verification_t v = usual("server-chain.pem", "server-root.pem");
    CHECK_EQ(iot_thing_verify_server_chain(NULL), IOT_THING_ERR_NULL);
    v.struct_size = 0;
    CHECK_EQ(iot_thing_verify_server_chain(&v), IOT_THING_ERR_STRUCT_SIZE);
    v = usual("server-chain.pem", "server-root.pem");
    v.host = NULL;
    CHECK_EQ(iot_thing_verify_server_chain(&v), IOT_THING_ERR_NULL);
    v = usual("server-chain.pem", "server-root.pem");
    v.chain.data = NULL;
    CHECK_EQ(iot_thing_verify_server_chain(&v), IOT_THING_ERR_NULL);
    v.chain.len = 0;
    CHECK_EQ(iot_thing_verify_server_chain(&v), IOT_THING_ERR_CERT_MALFORMED);
    v = usual("server-chain.pem", "server-root.pem");
    v.memory = chain;
    CHECK_EQ(iot_thing_verify_server_chain(&v), IOT_THING_ERR_ARGUMENT);
    v = usual("server-chain.pem", "server-root.pem");
    v.host = strcpy((char *)memory, v.host);
    CHECK_EQ(iot_thing_verify_server_chain(&v), IOT_THING_ERR_ARGUMENT);
    v.memory = NULL;
    CHECK_EQ(iot_thing_verify_server_chain(&v), IOT_THING_ERR_NULL);
    v.memory_size = 0;
    CHECK_EQ(iot_thing_verify_server_chain(&v), IOT_THING_ERR_MEMORY);

    /* What the header promises of the memory. */
    v = usual("server-chain.pem", "server-root.pem");
    v.memory_size = (v.chain.len + v.ca_certs.len) / 4 * 3;
    CHECK_EQ(iot_thing_verify_server_chain(&v), IOT_THING_OK);
    v.memory_size = v.chain.len / 2;
    CHECK_EQ(iot_thing_verify_server_chain(&v), IOT_THING_ERR_MEMORY);

    /* Without CA certificates, Amazon's. */
    v = usual("server-chain.pem", "server-root.pem");
    v.ca_certs.len = 0;
    CHECK_EQ(iot_thing_verify_server_chain(&v), IOT_THING_ERR_CERT_UNKNOWN_ISSUER);

    /* Cut anywhere it is an error, never a crash. */
    v = usual("server-chain.pem", "server-root.pem");
    for (size_t whole = v.chain.len; v.chain.len > 0; v.chain.len -= 7) {
        if (v.chain.len < whole - 1) { /* the last line feed is not needed */
            CHECK(iot_thing_verify_server_chain(&v) < 0);
        }
        if (v.chain.len < 7) {
            break;
        }
    }
}

int main(int argc, char **argv)
{
    if (getenv("IOT_THING_TEST_PKI") == NULL) {
        fprintf(stderr, "IOT_THING_TEST_PKI is not set\n");
        return 1;
    }
    RUN(each_check_has_its_error);
    RUN(names);
    RUN(clocks);
    RUN(misuse);
    return check_report("test_verify");
}
