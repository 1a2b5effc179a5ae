/*
 * iot_thing for MicroPython: the module _iot_thing, on which the Python package in ../lib is built.
 *
 * One class, Thing, and its methods are the functions of iot_thing.h. Python is never called back
 * from C (with the one exception of a signing function): events are taken with next_event() by
 * the thread that polls. The GIL is released around everything that calculates or waits, so the
 * other threads of the program run on.
 */
#include <string.h>

#include "py/mperrno.h"
#include "py/mpthread.h"
#include "py/objstr.h"
#include "py/runtime.h"

#include "iot_thing.h"
#include "iot_thing_posix.h"

#define MAX_SUBSCRIPTIONS 16

typedef struct {
    mp_obj_base_t base;
    iot_thing_t *thing; /* NULL when closed */
    void *memory;
    /* What the configuration points into; Python's objects do not move. */
    mp_obj_t keep[6];
    mp_obj_t will[2];
    mp_obj_t login[2];
    mp_obj_t sign; /* callable(hash) -> DER signature, or None */
    iot_thing_posix_t posix;
} thing_obj_t;

/* ---- errors --------------------------------------------------------------------------------- */

/* OSError(number, name): e.errno is the number of iot_thing_err, e.args[1] its name. */
static void raise_error(int32_t error)
{
    const char *name = iot_thing_err_name(error);
    mp_obj_t args[2] = {
        MP_OBJ_NEW_SMALL_INT(error),
        mp_obj_new_str(name, strlen(name)),
    };
    nlr_raise(mp_obj_new_exception_args(&mp_type_OSError, 2, args));
}

static mp_obj_t done(int32_t error)
{
    if (error < 0) {
        raise_error(error);
    }
    return mp_const_none;
}

/* ---- the secure element --------------------------------------------------------------------- */

/* Asks the Python function for a signature. The GIL is held. */
static int32_t call_sign(mp_obj_t function, const uint8_t *hash, uint8_t *signature,
                         size_t capacity, size_t *len)
{
    nlr_buf_t nlr;
    if (nlr_push(&nlr) != 0) {
        mp_obj_print_exception(&mp_plat_print, MP_OBJ_FROM_PTR(nlr.ret_val));
        return -1;
    }
    mp_buffer_info_t made;
    mp_get_buffer_raise(mp_call_function_1(function, mp_obj_new_bytes(hash, 32)), &made,
                        MP_BUFFER_READ);
    nlr_pop();
    if (made.len == 0 || made.len > capacity) {
        return -1;
    }
    memcpy(signature, made.buf, made.len);
    *len = made.len;
    return 0;
}

/* Called inside iot_thing_poll(), during which this thread does not hold the GIL. */
static int32_t sign(void *user, const uint8_t *hash, uint8_t *signature, size_t capacity,
                    size_t *len)
{
    thing_obj_t *self = user;
    MP_THREAD_GIL_ENTER();
    int32_t result = call_sign(self->sign, hash, signature, capacity, len);
    MP_THREAD_GIL_EXIT();
    return result;
}

/* ---- making and ending a Thing ---------------------------------------------------------------- */

static const char *text_or_null(mp_obj_t object)
{
    return object == mp_const_none ? NULL : mp_obj_str_get_str(object);
}

static iot_thing_bytes_t bytes_or_none(mp_obj_t object)
{
    iot_thing_bytes_t bytes = {NULL, 0};
    if (object != mp_const_none) {
        mp_buffer_info_t info;
        mp_get_buffer_raise(object, &info, MP_BUFFER_READ);
        bytes.data = info.buf;
        bytes.len = info.len;
    }
    return bytes;
}

static mp_obj_t thing_make_new(const mp_obj_type_t *type, size_t n_args, size_t n_kw,
                               const mp_obj_t *all_args)
{
    enum { ENDPOINT, MQTT_ID, CERT, KEY, NAME, CA, PORT, KEEP_ALIVE, SIGN };
    static const mp_arg_t allowed[] = {
        {MP_QSTR_endpoint, MP_ARG_REQUIRED | MP_ARG_OBJ, {.u_rom_obj = MP_ROM_NONE}},
        {MP_QSTR_mqtt_id, MP_ARG_REQUIRED | MP_ARG_OBJ, {.u_rom_obj = MP_ROM_NONE}},
        {MP_QSTR_clicert, MP_ARG_REQUIRED | MP_ARG_OBJ, {.u_rom_obj = MP_ROM_NONE}},
        {MP_QSTR_pkey, MP_ARG_OBJ, {.u_rom_obj = MP_ROM_NONE}},
        {MP_QSTR_thingname, MP_ARG_OBJ, {.u_rom_obj = MP_ROM_NONE}},
        {MP_QSTR_cacert, MP_ARG_OBJ, {.u_rom_obj = MP_ROM_NONE}},
        {MP_QSTR_port, MP_ARG_KW_ONLY | MP_ARG_INT, {.u_int = 0}},
        {MP_QSTR_keepalive, MP_ARG_KW_ONLY | MP_ARG_INT, {.u_int = 0}},
        {MP_QSTR_sign, MP_ARG_KW_ONLY | MP_ARG_OBJ, {.u_rom_obj = MP_ROM_NONE}},
    };
    mp_arg_val_t args[MP_ARRAY_SIZE(allowed)];
    mp_arg_parse_all_kw_array(n_args, n_kw, all_args, MP_ARRAY_SIZE(allowed), allowed, args);

    thing_obj_t *self = mp_obj_malloc_with_finaliser(thing_obj_t, type);
    self->thing = NULL;
    self->posix.next = NULL;
    for (size_t i = 0; i < MP_ARRAY_SIZE(self->keep); i++) {
        self->keep[i] = args[i].u_obj;
    }
    self->sign = args[SIGN].u_obj;

    iot_thing_config_t config = IOT_THING_CONFIG_INIT;
    config.endpoint = text_or_null(args[ENDPOINT].u_obj);
    config.mqtt_id = text_or_null(args[MQTT_ID].u_obj);
    config.thing_name = text_or_null(args[NAME].u_obj);
    config.client_cert = bytes_or_none(args[CERT].u_obj);
    config.private_key = bytes_or_none(args[KEY].u_obj);
    config.ca_certs = bytes_or_none(args[CA].u_obj);
    if (args[PORT].u_int < 0 || args[PORT].u_int > UINT16_MAX || args[KEEP_ALIVE].u_int < 0 ||
        args[KEEP_ALIVE].u_int > UINT16_MAX) {
        raise_error(IOT_THING_ERR_ARGUMENT);
    }
    config.tcp_port = (uint16_t)args[PORT].u_int;
    config.keep_alive_s = (uint16_t)args[KEEP_ALIVE].u_int;
    config.pull_events = IOT_THING_PULL_ALL;
    config.subscriptions = MAX_SUBSCRIPTIONS;
    config.filter_size = MAX_SUBSCRIPTIONS * 64;
    if (self->sign != mp_const_none) {
        config.sign = sign;
        config.sign_user = self;
    }

    if (iot_thing_posix_init(&self->posix) != 0) {
        mp_raise_OSError(MP_EMFILE);
    }
    config.sockets = &self->posix.sockets;
    config.port = self->posix.port;
    size_t size;
    int32_t error = iot_thing_memory_needed(&config, &size);
    if (error == IOT_THING_OK) {
        self->memory = m_malloc_maybe(size);
        if (self->memory == NULL) {
            error = IOT_THING_ERR_MEMORY;
        } else {
            memset(self->memory, 0, size); /* what a Thing left there must not be taken for one */
            error = iot_thing_init(&self->thing, self->memory, size, &config);
        }
    }
    if (error != IOT_THING_OK) {
        iot_thing_posix_deinit(&self->posix);
        raise_error(error);
    }
    return MP_OBJ_FROM_PTR(self);
}

/* Also the finaliser. */
static mp_obj_t thing_close(mp_obj_t self_in)
{
    thing_obj_t *self = MP_OBJ_TO_PTR(self_in);
    if (self->thing != NULL) {
        int32_t error = iot_thing_deinit(self->thing);
        if (error != IOT_THING_OK) {
            raise_error(error); /* another thread is polling: it must end first */
        }
        self->thing = NULL;
        iot_thing_posix_deinit(&self->posix);
    }
    return mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_1(thing_close_obj, thing_close);

/* After close() every function of the library answers IOT_THING_ERR_NULL. */
static iot_thing_t *native(mp_obj_t self_in)
{
    return ((thing_obj_t *)MP_OBJ_TO_PTR(self_in))->thing;
}

/* ---- the thread that polls ---------------------------------------------------------------------- */

static mp_obj_t thing_poll(mp_obj_t self_in)
{
    iot_thing_t *thing = native(self_in);
    MP_THREAD_GIL_EXIT();
    int32_t ms = iot_thing_poll(thing);
    MP_THREAD_GIL_ENTER();
    if (ms < 0) {
        raise_error(ms);
    }
    return mp_obj_new_int(ms);
}
static MP_DEFINE_CONST_FUN_OBJ_1(thing_poll_obj, thing_poll);

static mp_obj_t thing_wait(mp_obj_t self_in, mp_obj_t ms_in)
{
    iot_thing_t *thing = native(self_in);
    mp_int_t ms = mp_obj_get_int(ms_in);
    if (ms < 0 || ms > IOT_THING_FOREVER) {
        raise_error(IOT_THING_ERR_ARGUMENT);
    }
    MP_THREAD_GIL_EXIT();
    int32_t error = iot_thing_wait(thing, (int32_t)ms);
    MP_THREAD_GIL_ENTER();
    return done(error);
}
static MP_DEFINE_CONST_FUN_OBJ_2(thing_wait_obj, thing_wait);

/* None, or (type, error, code, retry_ms, token, data, topic): see mqtt/mqtt.py. */
static mp_obj_t thing_next_event(mp_obj_t self_in)
{
    iot_thing_event_t event = IOT_THING_EVENT_INIT;
    done(iot_thing_next_event(native(self_in), &event));
    if (event.type == IOT_THING_EVENT_NONE) {
        return mp_const_none;
    }
    mp_obj_t items[] = {
        MP_OBJ_NEW_SMALL_INT(event.type),
        MP_OBJ_NEW_SMALL_INT(event.error),
        MP_OBJ_NEW_SMALL_INT(event.code),
        mp_obj_new_int_from_uint(event.retry_ms),
        mp_obj_new_int_from_uint((uintptr_t)event.user),
        mp_obj_new_bytes(event.data.data, event.data.len),
        mp_obj_new_str((const char *)event.topic.data, event.topic.len),
    };
    return mp_obj_new_tuple(MP_ARRAY_SIZE(items), items);
}
static MP_DEFINE_CONST_FUN_OBJ_1(thing_next_event_obj, thing_next_event);

/* ---- any thread ----------------------------------------------------------------------------------- */

static mp_obj_t thing_connect(mp_obj_t self_in)
{
    return done(iot_thing_connect(native(self_in)));
}
static MP_DEFINE_CONST_FUN_OBJ_1(thing_connect_obj, thing_connect);

static mp_obj_t thing_disconnect(mp_obj_t self_in)
{
    return done(iot_thing_disconnect(native(self_in)));
}
static MP_DEFINE_CONST_FUN_OBJ_1(thing_disconnect_obj, thing_disconnect);

static mp_obj_t thing_state(mp_obj_t self_in)
{
    int32_t state = iot_thing_get_state(native(self_in));
    if (state < 0) {
        raise_error(state);
    }
    return MP_OBJ_NEW_SMALL_INT(state);
}
static MP_DEFINE_CONST_FUN_OBJ_1(thing_state_obj, thing_state);

/* A token is a number of the program's choice; 0 or none: no event when the operation succeeds. */
static void *token(size_t n_args, const mp_obj_t *args, size_t index)
{
    return (void *)(uintptr_t)(n_args > index ? mp_obj_get_int(args[index]) : 0);
}

/* topic, payload, qos, retain: four arguments in this order. */
static iot_thing_mqtt_publish_t message(const mp_obj_t *args)
{
    iot_thing_mqtt_publish_t message = IOT_THING_MQTT_PUBLISH_INIT;
    message.topic = mp_obj_str_get_str(args[0]);
    message.payload = bytes_or_none(args[1]);
    message.qos = mp_obj_get_int(args[2]);
    message.retain = mp_obj_is_true(args[3]);
    return message;
}

/* publish(topic, payload, qos, retain, token=0) */
static mp_obj_t thing_publish(size_t n_args, const mp_obj_t *args)
{
    iot_thing_mqtt_publish_t it = message(args + 1);
    return done(iot_thing_mqtt_publish(native(args[0]), &it, NULL, token(n_args, args, 5)));
}
static MP_DEFINE_CONST_FUN_OBJ_VAR_BETWEEN(thing_publish_obj, 5, 6, thing_publish);

/* set_will(topic, payload, qos, retain): like set_login, not while another thread polls */
static mp_obj_t thing_set_will(size_t n_args, const mp_obj_t *args)
{
    thing_obj_t *self = MP_OBJ_TO_PTR(args[0]);
    (void)n_args;
    iot_thing_mqtt_publish_t it = message(args + 1);
    done(iot_thing_mqtt_set_will(self->thing, &it));
    self->will[0] = args[1];
    self->will[1] = args[2];
    return mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_VAR_BETWEEN(thing_set_will_obj, 5, 5, thing_set_will);

/* set_login(user name or None, password or None) */
static mp_obj_t thing_set_login(mp_obj_t self_in, mp_obj_t user_name, mp_obj_t password)
{
    thing_obj_t *self = MP_OBJ_TO_PTR(self_in);
    done(iot_thing_mqtt_set_login(self->thing, text_or_null(user_name), bytes_or_none(password)));
    self->login[0] = user_name;
    self->login[1] = password;
    return mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_3(thing_set_login_obj, thing_set_login);

/* update_shadow(json, token=0) */
static mp_obj_t thing_update_shadow(size_t n_args, const mp_obj_t *args)
{
    iot_thing_bytes_t json = bytes_or_none(args[1]);
    return done(iot_thing_update_shadow_n(native(args[0]), json.data, json.len, NULL,
                                          token(n_args, args, 2)));
}
static MP_DEFINE_CONST_FUN_OBJ_VAR_BETWEEN(thing_update_shadow_obj, 2, 3, thing_update_shadow);

/* How long the broker may take to answer, in ms. */
#define SUBSCRIBE_TIMEOUT_MS 30000

/* subscribe(filter, qos, token=0) */
static mp_obj_t thing_subscribe(size_t n_args, const mp_obj_t *args)
{
    return done(iot_thing_mqtt_subscribe(native(args[0]), mp_obj_str_get_str(args[1]),
                                         mp_obj_get_int(args[2]), SUBSCRIBE_TIMEOUT_MS, NULL, NULL,
                                         token(n_args, args, 3)));
}
static MP_DEFINE_CONST_FUN_OBJ_VAR_BETWEEN(thing_subscribe_obj, 3, 4, thing_subscribe);

/* unsubscribe(filter, token=0) */
static mp_obj_t thing_unsubscribe(size_t n_args, const mp_obj_t *args)
{
    return done(iot_thing_mqtt_unsubscribe(native(args[0]), mp_obj_str_get_str(args[1]),
                                           SUBSCRIBE_TIMEOUT_MS, NULL, token(n_args, args, 2)));
}
static MP_DEFINE_CONST_FUN_OBJ_VAR_BETWEEN(thing_unsubscribe_obj, 2, 3, thing_unsubscribe);

/* ---- the module -------------------------------------------------------------------------------------- */

static mp_obj_t err_name(mp_obj_t error)
{
    const char *name = iot_thing_err_name(mp_obj_get_int(error));
    return mp_obj_new_str(name, strlen(name));
}
static MP_DEFINE_CONST_FUN_OBJ_1(err_name_obj, err_name);

static mp_obj_t err_text(mp_obj_t error)
{
    const char *text = iot_thing_err_text(mp_obj_get_int(error));
    return mp_obj_new_str(text, strlen(text));
}
static MP_DEFINE_CONST_FUN_OBJ_1(err_text_obj, err_text);

static const mp_rom_map_elem_t thing_locals_table[] = {
    {MP_ROM_QSTR(MP_QSTR___del__), MP_ROM_PTR(&thing_close_obj)},
    {MP_ROM_QSTR(MP_QSTR_close), MP_ROM_PTR(&thing_close_obj)},
    {MP_ROM_QSTR(MP_QSTR_connect), MP_ROM_PTR(&thing_connect_obj)},
    {MP_ROM_QSTR(MP_QSTR_disconnect), MP_ROM_PTR(&thing_disconnect_obj)},
    {MP_ROM_QSTR(MP_QSTR_poll), MP_ROM_PTR(&thing_poll_obj)},
    {MP_ROM_QSTR(MP_QSTR_wait), MP_ROM_PTR(&thing_wait_obj)},
    {MP_ROM_QSTR(MP_QSTR_next_event), MP_ROM_PTR(&thing_next_event_obj)},
    {MP_ROM_QSTR(MP_QSTR_state), MP_ROM_PTR(&thing_state_obj)},
    {MP_ROM_QSTR(MP_QSTR_publish), MP_ROM_PTR(&thing_publish_obj)},
    {MP_ROM_QSTR(MP_QSTR_set_will), MP_ROM_PTR(&thing_set_will_obj)},
    {MP_ROM_QSTR(MP_QSTR_set_login), MP_ROM_PTR(&thing_set_login_obj)},
    {MP_ROM_QSTR(MP_QSTR_subscribe), MP_ROM_PTR(&thing_subscribe_obj)},
    {MP_ROM_QSTR(MP_QSTR_unsubscribe), MP_ROM_PTR(&thing_unsubscribe_obj)},
    {MP_ROM_QSTR(MP_QSTR_update_shadow), MP_ROM_PTR(&thing_update_shadow_obj)},
};
static MP_DEFINE_CONST_DICT(thing_locals, thing_locals_table);

MP_DEFINE_CONST_OBJ_TYPE(iot_thing_type_Thing, MP_QSTR_Thing, MP_TYPE_FLAG_NONE, make_new,
                         thing_make_new, locals_dict, &thing_locals);

static const mp_rom_map_elem_t module_table[] = {
    {MP_ROM_QSTR(MP_QSTR___name__), MP_ROM_QSTR(MP_QSTR__iot_thing)},
    {MP_ROM_QSTR(MP_QSTR_Thing), MP_ROM_PTR(&iot_thing_type_Thing)},
    {MP_ROM_QSTR(MP_QSTR_err_name), MP_ROM_PTR(&err_name_obj)},
    {MP_ROM_QSTR(MP_QSTR_err_text), MP_ROM_PTR(&err_text_obj)},
    {MP_ROM_QSTR(MP_QSTR_CONNECTED), MP_ROM_INT(IOT_THING_EVENT_CONNECTED)},
    {MP_ROM_QSTR(MP_QSTR_DISCONNECTED), MP_ROM_INT(IOT_THING_EVENT_DISCONNECTED)},
    {MP_ROM_QSTR(MP_QSTR_CONNECT_FAILED), MP_ROM_INT(IOT_THING_EVENT_CONNECT_FAILED)},
    {MP_ROM_QSTR(MP_QSTR_DONE), MP_ROM_INT(IOT_THING_EVENT_DONE)},
    {MP_ROM_QSTR(MP_QSTR_SHADOW_REQUEST), MP_ROM_INT(IOT_THING_EVENT_SHADOW_REQUEST)},
    {MP_ROM_QSTR(MP_QSTR_MESSAGE), MP_ROM_INT(IOT_THING_EVENT_MESSAGE)},
    {MP_ROM_QSTR(MP_QSTR_SUBSCRIPTION_LOST), MP_ROM_INT(IOT_THING_EVENT_SUBSCRIPTION_LOST)},
    {MP_ROM_QSTR(MP_QSTR_IDLE), MP_ROM_INT(IOT_THING_STATE_IDLE)},
    {MP_ROM_QSTR(MP_QSTR_ERR_TIMED_OUT), MP_ROM_INT(IOT_THING_ERR_TIMED_OUT)},
    {MP_ROM_QSTR(MP_QSTR_ERR_STATE), MP_ROM_INT(IOT_THING_ERR_STATE)},
};
static MP_DEFINE_CONST_DICT(module_dict, module_table);

const mp_obj_module_t iot_thing_module = {
    .base = {&mp_type_module},
    .globals = (mp_obj_dict_t *)&module_dict,
};
MP_REGISTER_MODULE(MP_QSTR__iot_thing, iot_thing_module);
