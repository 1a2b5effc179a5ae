/*
 * iot_thing for Lua 5.4: the module that `require "iot_thing"` loads. README.md is its manual.
 *
 * Lua cannot be called back at any moment, so the Thing is made with IOT_THING_PULL_ALL: what
 * happens is taken with iot_thing_next_event() between polls, on the thread that runs Lua. Any
 * other virtual machine can be served the same way.
 */
#define _POSIX_C_SOURCE 200809L

#include <math.h>
#include <string.h>
#include <time.h>

#include <lauxlib.h>
#include <lua.h>

#include "iot_thing.h"
#include "iot_thing_posix.h"

#define THING_TYPE "iot_thing.thing"
#define POSIX_TYPE "iot_thing.posix"

/* What Lua holds. Its user values keep alive what the Thing refers to. */
typedef struct {
    iot_thing_t *thing; /* NULL after close() */
} handle_t;

enum { KEEP_CONFIG = 1, KEEP_MEMORY, KEEP_POSIX, KEEP_COUNT = KEEP_POSIX };

/* nil, the error's name, its number: what every function returns that did not succeed. */
static int push_error(lua_State *L, int32_t error)
{
    lua_pushnil(L);
    lua_pushstring(L, iot_thing_err_name(error));
    lua_pushinteger(L, error);
    return 3;
}

static int push_done(lua_State *L, int32_t error)
{
    if (error < 0) {
        return push_error(L, error);
    }
    lua_pushboolean(L, 1);
    return 1;
}

/* ---- JSON ------------------------------------------------------------------------------------- */

static void push_string(lua_State *L, const iot_thing_json_t *json)
{
    luaL_Buffer text;
    size_t size = json->len; /* never shorter than the text without escapes, with its NUL */
    size_t len = 0;
    char *buffer = luaL_buffinitsize(L, &text, size);
    iot_thing_json_as_string(json, buffer, size, &len);
    luaL_pushresultsize(&text, len);
}

static void push_number(lua_State *L, const iot_thing_json_t *json)
{
    int64_t integer;
    if (iot_thing_json_as_i64(json, &integer) == IOT_THING_OK) {
        lua_pushinteger(L, (lua_Integer)integer);
        return;
    }
    lua_pushlstring(L, json->text, json->len);
    if (lua_stringtonumber(L, lua_tostring(L, -1)) == 0) {
        lua_pushnumber(L, 0); /* cannot happen: Lua reads every number of JSON */
    }
    lua_remove(L, -2);
}

/*
 * Pushes a JSON value: objects and arrays as tables. `null` becomes the light userdata NULL
 * (iot_thing.null), because a table cannot hold nil. The library bounds the depth.
 */
static void push_json(lua_State *L, const iot_thing_json_t *json)
{
    iot_thing_json_iter_t iter;
    iot_thing_json_t name;
    iot_thing_json_t value;
    int32_t boolean = 0;
    lua_Integer index = 0;

    luaL_checkstack(L, 4, "JSON");
    switch (iot_thing_json_type(json)) {
    case IOT_THING_JSON_BOOL:
        iot_thing_json_as_bool(json, &boolean);
        lua_pushboolean(L, boolean);
        break;
    case IOT_THING_JSON_NUMBER:
        push_number(L, json);
        break;
    case IOT_THING_JSON_STRING:
        push_string(L, json);
        break;
    case IOT_THING_JSON_ARRAY:
    case IOT_THING_JSON_OBJECT:
        lua_newtable(L);
        iot_thing_json_iter_init(json, &iter);
        while (iot_thing_json_iter_next(&iter, &name, &value) == IOT_THING_OK) {
            if (iter.container == IOT_THING_JSON_OBJECT) {
                push_string(L, &name);
            } else {
                lua_pushinteger(L, ++index);
            }
            push_json(L, &value);
            lua_settable(L, -3);
        }
        break;
    default:
        lua_pushlightuserdata(L, NULL);
        break;
    }
}

static void write_json(lua_State *L, int index, iot_thing_json_writer_t *out, int depth);

static void write_number(lua_State *L, int index, iot_thing_json_writer_t *out)
{
    char text[40];
    lua_Number number = lua_tonumber(L, index);
    if (lua_isinteger(L, index)) {
        iot_thing_json_add_i64(out, lua_tointeger(L, index));
    } else if (isfinite(number)) {
        int len = lua_number2str(text, sizeof text, number);
        iot_thing_json_add_raw(out, text, (size_t)len);
    } else {
        luaL_error(L, "JSON has no infinity and no NaN");
    }
}

/* A table with an element 1 is an array, any other an object whose names are strings. */
static void write_table(lua_State *L, int index, iot_thing_json_writer_t *out, int depth)
{
    lua_Integer length = luaL_len(L, index);
    if (length > 0) {
        iot_thing_json_begin_array(out, NULL);
        for (lua_Integer i = 1; i <= length; i++) {
            lua_geti(L, index, i);
            write_json(L, lua_gettop(L), out, depth + 1);
            lua_pop(L, 1);
        }
        iot_thing_json_end_array(out);
        return;
    }
    iot_thing_json_begin_object(out, NULL);
    lua_pushnil(L);
    while (lua_next(L, index) != 0) {
        size_t len;
        if (lua_type(L, -2) != LUA_TSTRING) {
            luaL_error(L, "the names of an object must be strings");
        }
        const char *name = lua_tolstring(L, -2, &len);
        iot_thing_json_put_name_n(out, name, len);
        write_json(L, lua_gettop(L), out, depth + 1);
        lua_pop(L, 1);
    }
    iot_thing_json_end_object(out);
}

static void write_json(lua_State *L, int index, iot_thing_json_writer_t *out, int depth)
{
    size_t len;
    const char *text;
    luaL_checkstack(L, 4, "JSON");
    if (depth > IOT_THING_JSON_MAX_DEPTH) {
        luaL_error(L, "nested too deep for JSON"); /* also a table that contains itself */
    }
    switch (lua_type(L, index)) {
    case LUA_TBOOLEAN:
        iot_thing_json_add_bool(out, lua_toboolean(L, index));
        break;
    case LUA_TNUMBER:
        write_number(L, index, out);
        break;
    case LUA_TSTRING:
        text = lua_tolstring(L, index, &len);
        iot_thing_json_add_string_n(out, text, len);
        break;
    case LUA_TTABLE:
        write_table(L, index, out, depth);
        break;
    case LUA_TLIGHTUSERDATA:
        iot_thing_json_add_null(out);
        break;
    default:
        luaL_error(L, "a %s has no form in JSON", luaL_typename(L, index));
    }
}

/* Pushes the JSON text of the value at `index`: measured first, then written. */
static const char *encode(lua_State *L, int index, size_t *len)
{
    iot_thing_json_writer_t out;
    luaL_Buffer text;
    iot_thing_json_writer_init(&out, NULL, 0);
    write_json(L, index, &out, 0);
    size_t size = iot_thing_json_writer_needed(&out);
    char *buffer = luaL_buffinitsize(L, &text, size);
    iot_thing_json_writer_init(&out, buffer, size);
    write_json(L, index, &out, 0);
    int32_t error = iot_thing_json_writer_finish(&out, len);
    if (error != IOT_THING_OK) {
        luaL_error(L, "%s", iot_thing_err_name(error));
    }
    luaL_pushresultsize(&text, *len);
    return lua_tostring(L, -1);
}

static int module_encode(lua_State *L)
{
    size_t len;
    luaL_checkany(L, 1);
    encode(L, 1, &len);
    return 1;
}

static int module_decode(lua_State *L)
{
    size_t len;
    iot_thing_json_t json;
    const char *text = luaL_checklstring(L, 1, &len);
    int32_t error = iot_thing_json_parse(text, len, &json, NULL);
    if (error != IOT_THING_OK) {
        return push_error(L, error);
    }
    push_json(L, &json);
    return 1;
}

/* ---- making a Thing ---------------------------------------------------------------------------- */

/* Text fields stay where they are as long as the configuration table holds them. */
static const char *text_field(lua_State *L, const char *name, size_t *len)
{
    const char *text = NULL;
    *len = 0;
    lua_getfield(L, 1, name);
    if (!lua_isnil(L, -1)) {
        if (lua_type(L, -1) != LUA_TSTRING) {
            luaL_error(L, "%s must be a string", name);
        }
        text = lua_tolstring(L, -1, len);
    }
    lua_pop(L, 1);
    return text;
}

static iot_thing_bytes_t bytes_field(lua_State *L, const char *name)
{
    iot_thing_bytes_t bytes;
    bytes.data = (const uint8_t *)text_field(L, name, &bytes.len);
    return bytes;
}

static uint32_t number_field(lua_State *L, const char *name, uint32_t most)
{
    lua_Integer value;
    int is_integer = 1;
    lua_getfield(L, 1, name);
    value = lua_isnil(L, -1) ? 0 : lua_tointegerx(L, -1, &is_integer);
    if (!is_integer || value < 0 || value > (lua_Integer)most) {
        luaL_error(L, "%s must be a number from 0 to %I", name, (LUAI_UACINT)most);
    }
    lua_pop(L, 1);
    return (uint32_t)value;
}

/* The private copy of the configuration: the caller may change its own table. */
static void copy_table(lua_State *L, int from)
{
    lua_newtable(L);
    lua_pushnil(L);
    while (lua_next(L, from) != 0) {
        lua_pushvalue(L, -2);
        lua_insert(L, -2);
        lua_settable(L, -4);
    }
}

static iot_thing_posix_t *posix_of(lua_State *L)
{
    luaL_getmetatable(L, POSIX_TYPE);
    lua_getfield(L, -1, "posix");
    lua_remove(L, -2);
    return lua_touserdata(L, -1);
}

static int module_new(lua_State *L)
{
    size_t ignored;
    size_t needed;
    iot_thing_config_t config = IOT_THING_CONFIG_INIT;

    luaL_checktype(L, 1, LUA_TTABLE);
    lua_settop(L, 1);
    copy_table(L, 1);
    lua_replace(L, 1);
    config.endpoint = text_field(L, "endpoint", &ignored);
    config.mqtt_id = text_field(L, "mqtt_id", &ignored);
    config.thing_name = text_field(L, "thing_name", &ignored);
    config.client_cert = bytes_field(L, "client_cert");
    config.private_key = bytes_field(L, "private_key");
    config.ca_certs = bytes_field(L, "ca_certs");
    config.tcp_port = (uint16_t)number_field(L, "tcp_port", UINT16_MAX);
    config.keep_alive_s = (uint16_t)number_field(L, "keep_alive_s", UINT16_MAX);
    config.pull_events = IOT_THING_PULL_ALL;

    handle_t *handle = lua_newuserdatauv(L, sizeof *handle, KEEP_COUNT);
    handle->thing = NULL;
    luaL_setmetatable(L, THING_TYPE);
    lua_pushvalue(L, 1);
    lua_setiuservalue(L, -2, KEEP_CONFIG);
    iot_thing_posix_t *posix = posix_of(L);
    lua_setiuservalue(L, -2, KEEP_POSIX);
    config.sockets = &posix->sockets;
    config.port = posix->port;

    int32_t error = iot_thing_memory_needed(&config, &needed);
    if (error != IOT_THING_OK) {
        return push_error(L, error);
    }
    void *memory = lua_newuserdatauv(L, needed, 0);
    memset(memory, 0, needed); /* what a Thing left there must not be taken for one */
    lua_setiuservalue(L, -2, KEEP_MEMORY);
    error = iot_thing_init(&handle->thing, memory, needed, &config);
    return error == IOT_THING_OK ? 1 : push_error(L, error);
}

/* ---- methods ------------------------------------------------------------------------------------ */

static iot_thing_t *check_thing(lua_State *L)
{
    handle_t *handle = luaL_checkudata(L, 1, THING_TYPE);
    return handle->thing; /* NULL after close(): the library answers IOT_THING_ERR_NULL */
}

/* An operation's name, chosen by the program; it comes back in the event that tells its end. */
static void *check_token(lua_State *L, int index)
{
    lua_Integer token = luaL_optinteger(L, index, 0);
    luaL_argcheck(L, token >= 0 && (lua_Unsigned)token <= UINTPTR_MAX, index, "no token");
    return (void *)(uintptr_t)token; /* never followed */
}

static int thing_connect(lua_State *L)
{
    return push_done(L, iot_thing_connect(check_thing(L)));
}

static int thing_disconnect(lua_State *L)
{
    return push_done(L, iot_thing_disconnect(check_thing(L)));
}

static int thing_poll(lua_State *L)
{
    int32_t ms = iot_thing_poll(check_thing(L));
    if (ms < 0) {
        return push_error(L, ms);
    }
    lua_pushinteger(L, ms);
    return 1;
}

static int thing_wait(lua_State *L)
{
    lua_Integer ms = luaL_checkinteger(L, 2);
    luaL_argcheck(L, ms >= 0 && ms <= IOT_THING_FOREVER, 2, "milliseconds");
    return push_done(L, iot_thing_wait(check_thing(L), (int32_t)ms));
}

static int thing_update_shadow(lua_State *L)
{
    size_t len;
    iot_thing_t *thing = check_thing(L);
    luaL_checktype(L, 2, LUA_TTABLE);
    void *token = check_token(L, 3);
    const char *json = encode(L, 2, &len);
    return push_done(L, iot_thing_update_shadow_n(thing, (const uint8_t *)json, len, NULL, token));
}

static int thing_publish(lua_State *L)
{
    size_t len;
    iot_thing_t *thing = check_thing(L);
    lua_settop(L, 5);
    const char *topic = luaL_checkstring(L, 2);
    const char *payload =
        lua_istable(L, 3) ? encode(L, 3, &len) : luaL_checklstring(L, 3, &len);
    lua_Integer qos = luaL_optinteger(L, 4, 0);
    void *token = check_token(L, 5);
    return push_done(L, iot_thing_publish(thing, topic, (const uint8_t *)payload, len,
                                          qos == 1 ? 1 : qos == 0 ? 0 : -1, NULL, token));
}

/* How long the broker may take to answer, in ms. */
#define SUBSCRIBE_TIMEOUT_MS 30000

static int thing_subscribe(lua_State *L)
{
    iot_thing_t *thing = check_thing(L);
    const char *filter = luaL_checkstring(L, 2);
    lua_Integer qos = luaL_optinteger(L, 3, 0);
    void *token = check_token(L, 4);
    return push_done(L, iot_thing_mqtt_subscribe(thing, filter, qos == 1 ? 1 : qos == 0 ? 0 : -1,
                                                 SUBSCRIBE_TIMEOUT_MS, NULL, NULL, token));
}

static int thing_unsubscribe(lua_State *L)
{
    iot_thing_t *thing = check_thing(L);
    const char *filter = luaL_checkstring(L, 2);
    void *token = check_token(L, 3);
    return push_done(L,
                     iot_thing_mqtt_unsubscribe(thing, filter, SUBSCRIBE_TIMEOUT_MS, NULL, token));
}

static const char *event_name(int32_t type)
{
    switch (type) {
    case IOT_THING_EVENT_STATE: return "state";
    case IOT_THING_EVENT_CONNECTED: return "connected";
    case IOT_THING_EVENT_DISCONNECTED: return "disconnected";
    case IOT_THING_EVENT_CONNECT_FAILED: return "connect_failed";
    case IOT_THING_EVENT_REPLY_FAILED: return "reply_failed";
    case IOT_THING_EVENT_BAD_MESSAGE: return "bad_message";
    case IOT_THING_EVENT_DONE: return "done";
    case IOT_THING_EVENT_SHADOW_REQUEST: return "shadow_request";
    case IOT_THING_EVENT_FETCH_FAILED: return "fetch_failed";
    case IOT_THING_EVENT_MESSAGE: return "message";
    case IOT_THING_EVENT_SUBSCRIPTION_LOST: return "subscription_lost";
    case IOT_THING_EVENT_SHADOW_REFUSED: return "shadow_refused";
    default: return "unknown";
    }
}

static void set_integer(lua_State *L, const char *name, lua_Integer value)
{
    lua_pushinteger(L, value);
    lua_setfield(L, -2, name);
}

static void push_event(lua_State *L, const iot_thing_event_t *event)
{
    iot_thing_json_t json;
    lua_newtable(L);
    lua_pushstring(L, event_name(event->type));
    lua_setfield(L, -2, "type");
    set_integer(L, "state", event->state);
    set_integer(L, "code", event->code);
    set_integer(L, "retry_ms", event->retry_ms);
    set_integer(L, "needed", event->needed);
    lua_pushboolean(L, event->session_resumed);
    lua_setfield(L, -2, "session_resumed");
    if (event->error != IOT_THING_OK) {
        lua_pushstring(L, iot_thing_err_name(event->error));
        lua_setfield(L, -2, "error");
        lua_pushstring(L, iot_thing_err_text(event->error));
        lua_setfield(L, -2, "text");
    }
    if (event->user != NULL) {
        set_integer(L, "token", (lua_Integer)(uintptr_t)event->user);
    }
    if (event->type == IOT_THING_EVENT_MESSAGE) {
        lua_pushlstring(L, (const char *)event->topic.data, event->topic.len);
        lua_setfield(L, -2, "topic");
        lua_pushlstring(L, (const char *)event->data.data, event->data.len);
        lua_setfield(L, -2, "payload");
    }
    if (event->type == IOT_THING_EVENT_SHADOW_REQUEST &&
        iot_thing_json_parse((const char *)event->data.data, event->data.len, &json, NULL) ==
            IOT_THING_OK) {
        push_json(L, &json);
        lua_setfield(L, -2, "requested");
    }
}

static int thing_next_event(lua_State *L)
{
    iot_thing_event_t event = IOT_THING_EVENT_INIT;
    int32_t error = iot_thing_next_event(check_thing(L), &event);
    if (error != IOT_THING_OK) {
        return push_error(L, error);
    }
    if (event.type == IOT_THING_EVENT_NONE) {
        lua_pushnil(L);
    } else {
        push_event(L, &event);
    }
    return 1;
}

/* Also __gc and __close. */
static int thing_close(lua_State *L)
{
    handle_t *handle = luaL_checkudata(L, 1, THING_TYPE);
    if (handle->thing != NULL) {
        iot_thing_deinit(handle->thing);
        handle->thing = NULL;
    }
    return 0;
}

/* ---- the module ------------------------------------------------------------------------------------ */

static int module_now_ms(lua_State *L)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    lua_pushinteger(L, (lua_Integer)now.tv_sec * 1000 + now.tv_nsec / 1000000);
    return 1;
}

static int posix_gc(lua_State *L)
{
    iot_thing_posix_deinit(luaL_checkudata(L, 1, POSIX_TYPE));
    return 0;
}

static const luaL_Reg methods[] = {
    {"connect", thing_connect},
    {"disconnect", thing_disconnect},
    {"poll", thing_poll},
    {"wait", thing_wait},
    {"next_event", thing_next_event},
    {"update_shadow", thing_update_shadow},
    {"publish", thing_publish},
    {"subscribe", thing_subscribe},
    {"unsubscribe", thing_unsubscribe},
    {"close", thing_close},
    {"__gc", thing_close},
    {"__close", thing_close},
    {NULL, NULL},
};

static const luaL_Reg functions[] = {
    {"new", module_new},
    {"encode", module_encode},
    {"decode", module_decode},
    {"now_ms", module_now_ms},
    {NULL, NULL},
};

/* One port per Lua state, because a state is one thread that polls. */
static void make_posix(lua_State *L)
{
    luaL_newmetatable(L, POSIX_TYPE);
    iot_thing_posix_t *posix = lua_newuserdatauv(L, sizeof *posix, 0);
    if (iot_thing_posix_init(posix) != 0) {
        luaL_error(L, "the system has no file descriptors left");
    }
    lua_pushcfunction(L, posix_gc);
    lua_setfield(L, -3, "__gc");
    lua_pushvalue(L, -2);
    lua_setmetatable(L, -2);
    lua_setfield(L, -2, "posix");
    lua_pop(L, 1);
    iot_thing_posix_log_level(IOT_THING_LOG_ERROR);
}

int luaopen_iot_thing(lua_State *L);
int luaopen_iot_thing(lua_State *L)
{
    make_posix(L);
    luaL_newmetatable(L, THING_TYPE);
    luaL_setfuncs(L, methods, 0);
    lua_pushvalue(L, -1);
    lua_setfield(L, -2, "__index");
    luaL_newlib(L, functions);
    lua_pushlightuserdata(L, NULL);
    lua_setfield(L, -2, "null");
    return 1;
}
