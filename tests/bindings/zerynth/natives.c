/*
 * The Zerynth natives, called as the VM calls them: first without a cloud (every misuse), then a
 * round trip against the one that the environment names, with and without a private key.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../c/check.h"
#include "iot_thing_posix.h"
#include "iot_thing_zerynth.h"
#include "vm.h"

err_t _thing_error_name(int32_t, PObject *, PObject **, PObject **);
err_t _thing_raise(int32_t, PObject *, PObject **, PObject **);
err_t _thing_new(int32_t, PObject *, PObject **, PObject **);
err_t _thing_close(int32_t, PObject *, PObject **, PObject **);
err_t _thing_poll(int32_t, PObject *, PObject **, PObject **);
err_t _thing_wait(int32_t, PObject *, PObject **, PObject **);
err_t _thing_next_event(int32_t, PObject *, PObject **, PObject **);
err_t _thing_connect(int32_t, PObject *, PObject **, PObject **);
err_t _thing_disconnect(int32_t, PObject *, PObject **, PObject **);
err_t _thing_state(int32_t, PObject *, PObject **, PObject **);
err_t _thing_publish(int32_t, PObject *, PObject **, PObject **);
err_t _thing_subscribe(int32_t, PObject *, PObject **, PObject **);
err_t _thing_unsubscribe(int32_t, PObject *, PObject **, PObject **);
err_t _thing_update_shadow(int32_t, PObject *, PObject **, PObject **);

typedef err_t (*native_t)(int32_t, PObject *, PObject **, PObject **);

static PObject *returned;

/* Calls a native with up to 7 arguments; NULL ends them. */
static err_t call(native_t native, PObject *a, PObject *b, PObject *c, PObject *d, PObject *e,
                  PObject *f, PObject *g)
{
    PObject *args[] = {a, b, c, d, e, f, g};
    int32_t nargs = 0;
    while (nargs < 7 && args[nargs] != NULL) {
        nargs++;
    }
    returned = NULL;
    err_t error = native(nargs, NULL, args, &returned);
    CHECK(vm_gil());
    CHECK(error != ERR_OK || returned != NULL);
    return error;
}

#define CALL0(native) call(native, NULL, NULL, NULL, NULL, NULL, NULL, NULL)
#define CALL1(native, a) call(native, a, NULL, NULL, NULL, NULL, NULL, NULL)
#define CALL2(native, a, b) call(native, a, b, NULL, NULL, NULL, NULL, NULL)
#define CALL3(native, a, b, c) call(native, a, b, c, NULL, NULL, NULL, NULL)
#define CALL4(native, a, b, c, d) call(native, a, b, c, d, NULL, NULL, NULL)

/* ---- the board: POSIX sockets, which must run without the GIL ------------------------------------ */

static iot_thing_posix_t posix;
static iot_thing_sockets_t sockets;
static iot_thing_zerynth_board_t board;
static int waits;

static void wait_without_gil(void *user, ptrdiff_t socket, uint32_t interest, int32_t ms)
{
    CHECK(!vm_gil());
    waits++;
    posix.sockets.wait(user, socket, interest, ms);
}

static int32_t recv_without_gil(void *user, ptrdiff_t socket, uint8_t *data, size_t len)
{
    CHECK(!vm_gil());
    return posix.sockets.recv(user, socket, data, len);
}

/* The secure element: OpenSSL in another process, with the key that IOT_THING_KEY names. */
static int32_t element_sign(void *user, const uint8_t *hash, uint8_t *signature, size_t capacity,
                            size_t *len)
{
    (void)user;
    CHECK(!vm_gil());
    FILE *file = fopen("hash.bin", "wb");
    if (file == NULL || fwrite(hash, 1, 32, file) != 32 || fclose(file) != 0 ||
        system("openssl pkeyutl -sign -inkey \"$IOT_THING_KEY\" -in hash.bin -out sig.bin") != 0) {
        return -1;
    }
    file = fopen("sig.bin", "rb");
    *len = file != NULL ? fread(signature, 1, capacity, file) : 0;
    if (file != NULL) {
        fclose(file);
    }
    return *len > 0 ? 0 : -1;
}

const iot_thing_zerynth_board_t *iot_thing_zerynth_board(void)
{
    return &board;
}

/* ---- the program --------------------------------------------------------------------------------------- */

static const char *setting(const char *name)
{
    const char *value = getenv(name);
    if (value == NULL) {
        fprintf(stderr, "%s is not set\n", name);
        exit(2);
    }
    return value;
}

static PObject *pem(const char *name)
{
    static uint8_t text[8192];
    FILE *file = fopen(setting(name), "rb");
    if (file == NULL) {
        fprintf(stderr, "%s cannot be read\n", name);
        exit(2);
    }
    size_t len = fread(text, 1, sizeof text, file);
    fclose(file);
    return pstring_new((uint16_t)len, text);
}

static err_t new_thing(const char *endpoint, PObject *cert, PObject *key, const char *port)
{
    return call(_thing_new, vm_string(endpoint), vm_string(setting("IOT_THING_NAME")), cert, key,
                vm_string(""), pem("IOT_THING_CA"), vm_int((int32_t)strtol(port, NULL, 10)));
}

static void misuse(void)
{
    CHECK_EQ(CALL0(_thing_connect), ERR_RUNTIME_EXC);
    CHECK_EQ(CALL0(_thing_poll), ERR_RUNTIME_EXC);
    CHECK_EQ(CALL0(_thing_next_event), ERR_RUNTIME_EXC);
    CHECK_EQ(CALL0(_thing_state), ERR_RUNTIME_EXC);
    CHECK_EQ(CALL0(_thing_close), ERR_RUNTIME_EXC);
    CHECK_EQ(CALL0(_thing_new), ERR_TYPE_EXC);
    CHECK_EQ(CALL1(_thing_wait, vm_string("x")), ERR_TYPE_EXC);
    CHECK_EQ(CALL1(_thing_wait, vm_int(-1)), ERR_VALUE_EXC);
    CHECK_EQ(new_thing("no host", pem("IOT_THING_CERT"), pem("IOT_THING_KEY"), "1"),
             ERR_VALUE_EXC);
    CHECK_EQ(new_thing("localhost", vm_string("rubbish"), pem("IOT_THING_KEY"), "1"),
             ERR_VALUE_EXC);
    CHECK_EQ(new_thing("localhost", pem("IOT_THING_CERT"), vm_string("rubbish"), "1"),
             ERR_VALUE_EXC);
    CHECK_EQ(new_thing("localhost", pem("IOT_THING_CERT"), pem("IOT_THING_KEY"), "70000"),
             ERR_VALUE_EXC);

    CHECK_EQ(new_thing("localhost", pem("IOT_THING_CERT"), pem("IOT_THING_KEY"), "1"), ERR_OK);
    CHECK_EQ(new_thing("localhost", pem("IOT_THING_CERT"), pem("IOT_THING_KEY"), "1"),
             ERR_RUNTIME_EXC);
    CHECK_EQ(CALL4(_thing_publish, vm_string("a/#"), vm_string(""), vm_int(0), vm_int(0)),
             ERR_VALUE_EXC);
    CHECK_EQ(CALL4(_thing_publish, vm_string("a"), vm_string(""), vm_int(2), vm_int(0)),
             ERR_VALUE_EXC);
    CHECK_EQ(CALL2(_thing_publish, vm_string("a"), vm_string("")), ERR_TYPE_EXC);
    CHECK_EQ(CALL3(_thing_subscribe, vm_string("a/#/b"), vm_int(0), vm_int(0)), ERR_VALUE_EXC);
    CHECK_EQ(CALL2(_thing_unsubscribe, vm_string("a"), vm_int(0)), ERR_VALUE_EXC);
    CHECK_EQ(CALL2(_thing_update_shadow, vm_string("{"), vm_int(0)), ERR_VALUE_EXC);
    err_t error = ERR_OK;
    for (int i = 0; i < 100 && error == ERR_OK; i++) {
        error = CALL4(_thing_publish, vm_string("a"), vm_string("b"), vm_int(1), vm_int(0));
    }
    CHECK_EQ(error, ERR_OVERFLOW_EXC);
    CHECK_EQ(CALL0(_thing_close), ERR_OK);
    CHECK_EQ(CALL1(_thing_raise, vm_int(0)), ERR_OK);
    CHECK_EQ(CALL1(_thing_raise, vm_int(IOT_THING_ERR_CERT_EXPIRED)), ERR_CONNECTION_ABR_EXC);
    CHECK_EQ(CALL1(_thing_raise, vm_int(IOT_THING_ERR_TIMED_OUT)), ERR_TIMEOUT_EXC);
    CHECK_EQ(CALL1(_thing_raise, vm_int(IOT_THING_ERR_RESOLVE)), ERR_IOERROR_EXC);
    CHECK_EQ(CALL1(_thing_error_name, vm_int(IOT_THING_ERR_BUSY)), ERR_OK);
    CHECK(returned->len == 18 && memcmp(returned->text, "IOT_THING_ERR_BUSY", 18) == 0);
    vm_collect();
}

static int32_t item(int index)
{
    return returned->items[index]->number;
}

/* Polls as the Python thread would, until an event of this type has come. */
static int until(int32_t type)
{
    for (int turn = 0; turn < 200; turn++) {
        CHECK_EQ(CALL0(_thing_poll), ERR_OK);
        int32_t ms = returned->number;
        CHECK(ms >= 0 && ms <= 500);
        while (CALL0(_thing_next_event) == ERR_OK && returned->type == VM_TUPLE) {
            if (item(0) == type) {
                return 1;
            }
        }
        CHECK_EQ(CALL1(_thing_wait, vm_int(ms)), ERR_OK);
        vm_collect();
    }
    return 0;
}

static void round_trip(PObject *key)
{
    static const char state[] = "{\"natives\":true}";
    CHECK_EQ(new_thing(setting("IOT_THING_ENDPOINT"), pem("IOT_THING_CERT"), key,
                       setting("IOT_THING_PORT")),
             ERR_OK);
    vm_collect(); /* the VM's strings are gone; the Thing must not miss them */
    waits = 0;
    CHECK_EQ(CALL0(_thing_connect), ERR_OK);
    CHECK_EQ(CALL2(_thing_update_shadow, vm_string(state), vm_int(77)), ERR_OK);
    if (!CHECK(until(IOT_THING_EVENT_CONNECTED))) {
        return;
    }
    CHECK_EQ(CALL0(_thing_state), ERR_OK);
    CHECK_EQ(returned->number, IOT_THING_STATE_ONLINE);
    CHECK(until(IOT_THING_EVENT_DONE));
    CHECK(item(1) == IOT_THING_OK && item(4) == 77);

    /* What an application in the cloud asks for arrives as a string of the VM. */
    CHECK_EQ(system("\"$TOOLS_CLOUD\" request --dir \"$CLOUD_DIR\" --thing \"$IOT_THING_NAME\" "
                    "'{\"natives\":false}' > /dev/null"),
             0);
    CHECK(until(IOT_THING_EVENT_SHADOW_REQUEST));
    PObject *text = returned->items[5];
    CHECK(text->len == 17 && memcmp(text->text, "{\"natives\":false}", 17) == 0);
    CHECK_EQ(CALL2(_thing_update_shadow, text, vm_int(78)), ERR_OK);
    CHECK(until(IOT_THING_EVENT_DONE));
    CHECK(item(1) == IOT_THING_OK && item(4) == 78);

    /* A message to oneself. */
    CHECK_EQ(CALL3(_thing_subscribe, vm_string("demo-thing/echo"), vm_int(1), vm_int(79)), ERR_OK);
    CHECK(until(IOT_THING_EVENT_DONE));
    CHECK(item(1) == IOT_THING_OK && item(4) == 79);
    CHECK_EQ(CALL4(_thing_publish, vm_string("demo-thing/echo"), vm_string("x"), vm_int(1),
                   vm_int(0)),
             ERR_OK);
    CHECK(until(IOT_THING_EVENT_MESSAGE));
    CHECK(item(4) == 79 && returned->items[5]->len == 1 && returned->items[5]->text[0] == 'x');
    CHECK(returned->items[6]->len == 15);
    CHECK_EQ(CALL2(_thing_unsubscribe, vm_string("demo-thing/echo"), vm_int(80)), ERR_OK);
    CHECK(until(IOT_THING_EVENT_DONE));
    CHECK(item(1) == IOT_THING_OK && item(4) == 80);

    CHECK_EQ(CALL0(_thing_disconnect), ERR_OK);
    CHECK(until(IOT_THING_EVENT_DISCONNECTED));
    CHECK_EQ(item(1), IOT_THING_OK);
    CHECK_EQ(CALL0(_thing_close), ERR_OK);
    CHECK(waits > 0);
    vm_collect();
}

static void round_trip_with_a_key(void)
{
    round_trip(pem("IOT_THING_KEY"));
}

/* Without a key: refused unless there is a secure element, which then signs. */
static void round_trip_with_a_secure_element(void)
{
    CHECK_EQ(new_thing("localhost", pem("IOT_THING_CERT"), vm_string(""), "1"), ERR_VALUE_EXC);
    board.sign = element_sign;
    round_trip(vm_string(""));
}

int main(int argc, char **argv)
{
    if (iot_thing_posix_init(&posix) != 0) {
        return 2;
    }
    iot_thing_posix_log_level(0);
    sockets = posix.sockets;
    sockets.wait = wait_without_gil;
    sockets.recv = recv_without_gil;
    board.sockets = &sockets;
    board.port = posix.port;
    RUN(misuse);
    RUN(round_trip_with_a_key);
    RUN(round_trip_with_a_secure_element);
    iot_thing_posix_deinit(&posix);
    return check_report("natives");
}
