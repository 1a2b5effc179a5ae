/* The JSON functions as a C program uses them, and misuses them. */
#include "check.h"
#include "iot_thing.h"

static iot_thing_json_t parsed(const char *text)
{
    iot_thing_json_t json = {NULL, 0};
    CHECK_EQ(iot_thing_json_parse(text, strlen(text), &json, NULL), IOT_THING_OK);
    return json;
}

static int is(const iot_thing_json_t *json, const char *text)
{
    return json->len == strlen(text) && memcmp(json->text, text, json->len) == 0;
}

static void parse(void)
{
    iot_thing_json_t json = {NULL, 0};
    size_t offset = 99;
    CHECK_EQ(iot_thing_json_parse(" [1] ", 5, &json, &offset), IOT_THING_OK);
    CHECK(is(&json, "[1]"));
    CHECK_EQ(offset, 99);
    CHECK_EQ(iot_thing_json_parse("[1,]", 4, &json, &offset), IOT_THING_ERR_JSON_SYNTAX);
    CHECK_EQ(offset, 3);
    CHECK(is(&json, "[1]"));
    CHECK_EQ(iot_thing_json_parse("[\"\xFF\"]", 5, &json, &offset), IOT_THING_ERR_JSON_UTF8);
    CHECK_EQ(offset, 2);
    CHECK_EQ(iot_thing_json_parse("[[[[[[[[[[[[[[[[[", 17, &json, NULL), IOT_THING_ERR_JSON_DEPTH);
    CHECK_EQ(iot_thing_json_parse("", 0, &json, &offset), IOT_THING_ERR_JSON_SYNTAX);
    CHECK_EQ(offset, 0);
    CHECK_EQ(iot_thing_json_parse(NULL, 0, &json, NULL), IOT_THING_ERR_JSON_SYNTAX);
    CHECK_EQ(iot_thing_json_parse(NULL, 1, &json, NULL), IOT_THING_ERR_NULL);
    CHECK_EQ(iot_thing_json_parse("1", 1, NULL, NULL), IOT_THING_ERR_NULL);
    CHECK_EQ(iot_thing_json_parse("1", SIZE_MAX, &json, NULL), IOT_THING_ERR_ARGUMENT);
}

static void navigate(void)
{
    const char *text = "{\"state\":{\"leds\":[{\"on\":true},{\"on\":false}],\"a.b\":1,\"\\u0063\":2},"
                       "\"dup\":1,\"dup\":2,\"none\":null,\"text\":\"t\"}";
    iot_thing_json_t json = parsed(text), value = json, name;
    iot_thing_json_iter_t iter;
    size_t count = 0;
    int32_t flag = -1;
    uint32_t number = 0;

    CHECK_EQ(iot_thing_json_type(&json), IOT_THING_JSON_OBJECT);
    CHECK_EQ(iot_thing_json_count(&json, &count), IOT_THING_OK);
    CHECK_EQ(count, 5);
    CHECK_EQ(iot_thing_json_at_path(&json, "state.leds.1.on", &value), IOT_THING_OK);
    CHECK_EQ(iot_thing_json_type(&value), IOT_THING_JSON_BOOL);
    CHECK_EQ(iot_thing_json_as_bool(&value, &flag), IOT_THING_OK);
    CHECK_EQ(flag, 0);
    CHECK_EQ(iot_thing_json_at_path(&json, "state.leds.2", &value), IOT_THING_ERR_JSON_NOT_FOUND);
    CHECK_EQ(iot_thing_json_at_path(&json, "dup.x", &value), IOT_THING_ERR_JSON_TYPE);
    CHECK(is(&value, "false"));
    CHECK_EQ(iot_thing_json_get_u32(&json, "dup", &number), IOT_THING_OK);
    CHECK_EQ(number, 2);
    /* In place. */
    value = json;
    CHECK_EQ(iot_thing_json_get(&value, "state", &value), IOT_THING_OK);
    CHECK_EQ(iot_thing_json_get_u32(&value, "a.b", &number), IOT_THING_OK);
    CHECK_EQ(number, 1);
    CHECK_EQ(iot_thing_json_get_n(&value, "cx", 1, &value), IOT_THING_OK);
    CHECK(is(&value, "2"));
    CHECK_EQ(iot_thing_json_get(&json, "none", &value), IOT_THING_OK);
    CHECK_EQ(iot_thing_json_type(&value), IOT_THING_JSON_NULL);
    CHECK_EQ(iot_thing_json_get(&json, "text", &value), IOT_THING_OK);
    CHECK_EQ(iot_thing_json_type(&value), IOT_THING_JSON_STRING);

    CHECK_EQ(iot_thing_json_iter_init(&json, &iter), IOT_THING_OK);
    for (count = 0; iot_thing_json_iter_next(&iter, &name, &value) == IOT_THING_OK; count++) {
        static const char *const names[] = {"state", "dup", "dup", "none", "text"};
        CHECK_EQ(iot_thing_json_equals(&name, names[count]), 1);
        CHECK_EQ(iot_thing_json_type(&name), IOT_THING_JSON_STRING);
    }
    CHECK_EQ(count, 5);
    CHECK_EQ(iot_thing_json_iter_next(&iter, &name, &value), IOT_THING_ERR_JSON_NOT_FOUND);

    CHECK_EQ(iot_thing_json_at_path(&json, "state.leds", &json), IOT_THING_OK);
    CHECK_EQ(iot_thing_json_type(&json), IOT_THING_JSON_ARRAY);
    CHECK_EQ(iot_thing_json_at_index(&json, 1, &value), IOT_THING_OK);
    CHECK(is(&value, "{\"on\":false}"));
    CHECK_EQ(iot_thing_json_at_index(&json, 2, &value), IOT_THING_ERR_JSON_NOT_FOUND);
    CHECK_EQ(iot_thing_json_iter_init(&json, &iter), IOT_THING_OK);
    CHECK_EQ(iot_thing_json_iter_next(&iter, &name, &value), IOT_THING_OK);
    CHECK(is(&value, "{\"on\":true}"));
    CHECK_EQ(iot_thing_json_type(&name), IOT_THING_JSON_NONE);
    CHECK_EQ(iot_thing_json_iter_next(&iter, NULL, &value), IOT_THING_OK);
    CHECK_EQ(iot_thing_json_iter_next(&iter, NULL, &value), IOT_THING_ERR_JSON_NOT_FOUND);
    CHECK_EQ(iot_thing_json_iter_init(&value, &iter), IOT_THING_OK);
    json = parsed("1");
    CHECK_EQ(iot_thing_json_iter_init(&json, &iter), IOT_THING_ERR_JSON_TYPE);
}

/* Several members at once: found, missing, twice there, escaped, prefixes of one another. */
static void members(void)
{
    static const char *const names[] = {"led", "none", "le", "ledx", "caf\xC3\xA9", "a.b", ""};
    iot_thing_json_t json =
        parsed("{\"led\":1,\"ledx\":{\"le\":2},\"led\":3,\"caf\\u00e9\":[4],\"a.b\":\"5\",\"\":6}");
    iot_thing_json_t values[7];
    const char *text[1];
    iot_thing_json_t many[2];
    const char *none[] = {"led", NULL};
    union {
        const char *names[4];
        iot_thing_json_t values[2];
    } shared;

    memset(values, 0x5A, sizeof values);
    CHECK_EQ(iot_thing_json_get_members(&json, names, values, 7), 5);
    CHECK(is(&values[0], "3"));
    CHECK_EQ(iot_thing_json_type(&values[1]), IOT_THING_JSON_NONE);
    CHECK(values[1].text == NULL && values[1].len == 0);
    CHECK_EQ(iot_thing_json_type(&values[2]), IOT_THING_JSON_NONE);
    CHECK(is(&values[3], "{\"le\":2}"));
    CHECK(is(&values[4], "[4]"));
    CHECK(is(&values[5], "\"5\""));
    CHECK(is(&values[6], "6"));
    CHECK_EQ(iot_thing_json_get_members(&json, names, values, 0), 0);
    CHECK(is(&values[0], "3"));
    /* The object may be one of the values. */
    values[0] = json;
    CHECK_EQ(iot_thing_json_get_members(&values[0], names, values, 1), 1);
    CHECK(is(&values[0], "3"));

    CHECK_EQ(iot_thing_json_get_members(NULL, names, values, 1), IOT_THING_ERR_NULL);
    CHECK_EQ(iot_thing_json_get_members(&json, NULL, values, 1), IOT_THING_ERR_NULL);
    CHECK_EQ(iot_thing_json_get_members(&json, names, NULL, 1), IOT_THING_ERR_NULL);
    CHECK_EQ(iot_thing_json_get_members(&json, none, values, 2), IOT_THING_ERR_NULL);
    CHECK(is(&values[0], "3"));
    CHECK_EQ(iot_thing_json_get_members(&json, names, values, 32768), IOT_THING_ERR_ARGUMENT);
    CHECK_EQ(iot_thing_json_get_members(&json, names, values, SIZE_MAX), IOT_THING_ERR_ARGUMENT);
    shared.names[0] = shared.names[1] = "led";
    CHECK_EQ(iot_thing_json_get_members(&json, shared.names, shared.values, 2),
             IOT_THING_ERR_ARGUMENT);
    memset(many, 0, sizeof many);
    memcpy(many, "{\"a\":1}", 7);
    json.text = (const char *)many;
    json.len = 7;
    text[0] = "a";
    CHECK_EQ(iot_thing_json_get_members(&json, text, many, 1), IOT_THING_ERR_ARGUMENT);
    json = parsed("[1]");
    CHECK_EQ(iot_thing_json_get_members(&json, names, values, 1), IOT_THING_ERR_JSON_TYPE);
    CHECK(is(&values[0], "3"));
}

static void numbers(void)
{
    iot_thing_json_t json = parsed("{\"min32\":-2147483648,\"max32\":2147483647,\"umax32\":4294967295,"
                                   "\"over32\":4294967296,\"min64\":-9223372036854775808,"
                                   "\"umax64\":18446744073709551615,\"t\":21.570,\"e\":1e2,\"s\":\"1\"}");
    iot_thing_json_t value;
    int32_t i32 = 7;
    uint32_t u32 = 7;
    int64_t i64 = 7;
    uint64_t u64 = 7;
    const char *text = NULL;
    size_t len = 0;

    CHECK(iot_thing_json_get_i32(&json, "min32", &i32) == IOT_THING_OK && i32 == INT32_MIN);
    CHECK(iot_thing_json_get_i32(&json, "max32", &i32) == IOT_THING_OK && i32 == INT32_MAX);
    CHECK_EQ(iot_thing_json_get_i32(&json, "umax32", &i32), IOT_THING_ERR_JSON_RANGE);
    CHECK_EQ(i32, INT32_MAX);
    CHECK(iot_thing_json_get_u32(&json, "umax32", &u32) == IOT_THING_OK && u32 == UINT32_MAX);
    CHECK_EQ(iot_thing_json_get_u32(&json, "over32", &u32), IOT_THING_ERR_JSON_RANGE);
    CHECK_EQ(iot_thing_json_get_u32(&json, "min32", &u32), IOT_THING_ERR_JSON_RANGE);
    CHECK(iot_thing_json_get_i64(&json, "min64", &i64) == IOT_THING_OK && i64 == INT64_MIN);
    CHECK_EQ(iot_thing_json_get_i64(&json, "umax64", &i64), IOT_THING_ERR_JSON_RANGE);
    CHECK(iot_thing_json_get_u64(&json, "umax64", &u64) == IOT_THING_OK && u64 == UINT64_MAX);
    CHECK_EQ(iot_thing_json_get_u64(&json, "min64", &u64), IOT_THING_ERR_JSON_RANGE);
    CHECK(iot_thing_json_get_i32(&json, "e", &i32) == IOT_THING_OK && i32 == 100);
    CHECK_EQ(iot_thing_json_get_i32(&json, "t", &i32), IOT_THING_ERR_JSON_RANGE);
    CHECK_EQ(iot_thing_json_get_i32(&json, "s", &i32), IOT_THING_ERR_JSON_TYPE);
    CHECK_EQ(iot_thing_json_get_i32(&json, "x", &i32), IOT_THING_ERR_JSON_NOT_FOUND);
    CHECK_EQ(iot_thing_json_get_bool(&json, "e", &i32), IOT_THING_ERR_JSON_TYPE);
    CHECK(iot_thing_json_get_scaled(&json, "t", 2, &i64) == IOT_THING_OK && i64 == 2157);
    CHECK_EQ(iot_thing_json_get_scaled(&json, "t", 1, &i64), IOT_THING_ERR_JSON_RANGE);
    CHECK_EQ(iot_thing_json_get_scaled(&json, "t", IOT_THING_JSON_MAX_DECIMALS + 1, &i64),
             IOT_THING_ERR_ARGUMENT);
    CHECK_EQ(iot_thing_json_get(&json, "t", &value), IOT_THING_OK);
    CHECK_EQ(iot_thing_json_number_text(&value, &text, &len), IOT_THING_OK);
    CHECK(len == 6 && memcmp(text, "21.570", 6) == 0);
    CHECK_EQ(iot_thing_json_number_text(&json, &text, &len), IOT_THING_ERR_JSON_TYPE);
    CHECK_EQ(iot_thing_json_get_raw(&json, "s", &text, &len), IOT_THING_OK);
    CHECK(len == 3 && memcmp(text, "\"1\"", 3) == 0);
}

static void strings(void)
{
    iot_thing_json_t json = parsed("{\"s\":\"a\\n\\u00e9\\ud83d\\ude00\",\"z\":\"a\\u0000b\",\"e\":\"\"}");
    iot_thing_json_t value;
    const char *plain = "a\n\xC3\xA9\xF0\x9F\x98\x80";
    const size_t plain_len = strlen(plain);
    char buffer[16];
    char in_place[] = "\"\\u0061\"";
    size_t len = 0;

    for (size_t size = 0; size <= sizeof buffer; size++) {
        check_context("size %u", (unsigned)size);
        memset(buffer, 'x', sizeof buffer);
        int32_t result = iot_thing_json_get_string(&json, "s", size ? buffer : NULL, size, &len);
        CHECK_EQ(len, plain_len);
        if (size > plain_len) {
            CHECK_EQ(result, IOT_THING_OK);
            CHECK(strcmp(buffer, plain) == 0);
        } else {
            CHECK_EQ(result, IOT_THING_ERR_JSON_NO_SPACE);
            CHECK_EQ(buffer[0], 'x');
        }
        for (size_t i = size; i < sizeof buffer; i++) {
            CHECK_EQ(buffer[i], 'x');
        }
    }
    check_context("%s", "");
    CHECK_EQ(iot_thing_json_get_string(&json, "z", buffer, sizeof buffer, &len), IOT_THING_OK);
    CHECK(len == 3 && memcmp(buffer, "a\0b", 4) == 0);
    CHECK_EQ(iot_thing_json_get_string(&json, "e", buffer, 1, NULL), IOT_THING_OK);
    CHECK_EQ(buffer[0], 0);
    CHECK_EQ(iot_thing_json_get(&json, "s", &value), IOT_THING_OK);
    CHECK_EQ(iot_thing_json_equals(&value, plain), 1);
    CHECK_EQ(iot_thing_json_equals(&value, "a"), 0);
    CHECK_EQ(iot_thing_json_equals_n(&value, plain, plain_len), 1);
    CHECK_EQ(iot_thing_json_equals_n(&value, plain, plain_len - 1), 0);
    CHECK_EQ(iot_thing_json_equals(&json, plain), 0);
    CHECK_EQ(iot_thing_json_get_string(&json, "s", NULL, 5, &len), IOT_THING_ERR_NULL);
    value = parsed(in_place);
    CHECK_EQ(iot_thing_json_as_string(&value, in_place, sizeof in_place, &len), IOT_THING_ERR_ARGUMENT);
    CHECK_EQ(iot_thing_json_as_string(&json, buffer, sizeof buffer, &len), IOT_THING_ERR_JSON_TYPE);
}

static void reading_misuse(void)
{
    iot_thing_json_t none = {NULL, 0}, forged = {NULL, 4}, good = parsed("{\"a\":[1]}"), value;
    iot_thing_json_iter_t iter;
    int32_t i32;
    size_t len;
    const char *text;
    memset(&iter, 0, sizeof iter);

    CHECK_EQ(iot_thing_json_type(NULL), IOT_THING_JSON_NONE);
    CHECK_EQ(iot_thing_json_type(&none), IOT_THING_JSON_NONE);
    CHECK_EQ(iot_thing_json_get(&none, "a", &value), IOT_THING_ERR_JSON_TYPE);
    CHECK_EQ(iot_thing_json_as_i32(&none, &i32), IOT_THING_ERR_JSON_TYPE);
    CHECK_EQ(iot_thing_json_count(&none, &len), IOT_THING_ERR_JSON_TYPE);
    CHECK_EQ(iot_thing_json_get(&forged, "a", &value), IOT_THING_ERR_NULL);
    forged.text = "{\"a\"";
    CHECK_EQ(iot_thing_json_get(&forged, "a", &value), IOT_THING_ERR_JSON_NOT_FOUND);
    forged.len = SIZE_MAX;
    CHECK_EQ(iot_thing_json_get(&forged, "a", &value), IOT_THING_ERR_ARGUMENT);
    CHECK_EQ(iot_thing_json_get(NULL, "a", &value), IOT_THING_ERR_NULL);
    CHECK_EQ(iot_thing_json_get(&good, NULL, &value), IOT_THING_ERR_NULL);
    CHECK_EQ(iot_thing_json_get(&good, "a", NULL), IOT_THING_ERR_NULL);
    CHECK_EQ(iot_thing_json_get_n(&good, NULL, 1, &value), IOT_THING_ERR_NULL);
    CHECK_EQ(iot_thing_json_get_i32(&good, "a", NULL), IOT_THING_ERR_NULL);
    CHECK_EQ(iot_thing_json_at_path(&good, NULL, &value), IOT_THING_ERR_NULL);
    CHECK_EQ(iot_thing_json_at_index(&good, 0, NULL), IOT_THING_ERR_NULL);
    CHECK_EQ(iot_thing_json_equals(NULL, "a"), IOT_THING_ERR_NULL);
    CHECK_EQ(iot_thing_json_equals(&good, NULL), IOT_THING_ERR_NULL);
    CHECK_EQ(iot_thing_json_iter_init(&good, NULL), IOT_THING_ERR_NULL);
    CHECK_EQ(iot_thing_json_iter_next(NULL, NULL, &value), IOT_THING_ERR_NULL);
    CHECK_EQ(iot_thing_json_iter_next(&iter, NULL, &value), IOT_THING_ERR_JSON_NOT_FOUND);
    CHECK_EQ(iot_thing_json_iter_init(&good, &iter), IOT_THING_OK);
    CHECK_EQ(iot_thing_json_iter_next(&iter, NULL, NULL), IOT_THING_ERR_NULL);
    CHECK_EQ(iot_thing_json_iter_next(&iter, NULL, &value), IOT_THING_OK);
    CHECK_EQ(iot_thing_json_get_raw(&good, "a", NULL, &len), IOT_THING_ERR_NULL);
    CHECK_EQ(iot_thing_json_get_raw(&good, "a", &text, NULL), IOT_THING_ERR_NULL);
}

static void write_document(iot_thing_json_writer_t *w)
{
    iot_thing_json_begin_object(w, NULL);
    iot_thing_json_put_i32(w, "i32", INT32_MIN);
    iot_thing_json_put_u32(w, "u32", UINT32_MAX);
    iot_thing_json_put_i64(w, "i64", INT64_MIN);
    iot_thing_json_put_u64(w, "u64", UINT64_MAX);
    iot_thing_json_put_scaled(w, "t", -5, 2);
    iot_thing_json_put_bool(w, "b", 2);
    iot_thing_json_put_null(w, "n");
    iot_thing_json_put_string(w, "q\"", "a\n\xC3\xA9");
    iot_thing_json_put_string_n(w, "z", "a\0b", 3);
    iot_thing_json_put_raw(w, "r", " [1, 2] ", 8);
    iot_thing_json_begin_array(w, "l");
    iot_thing_json_add_i32(w, -1);
    iot_thing_json_add_u32(w, 1);
    iot_thing_json_add_i64(w, -1);
    iot_thing_json_add_u64(w, 1);
    iot_thing_json_add_scaled(w, 15, 1);
    iot_thing_json_add_bool(w, 0);
    iot_thing_json_add_null(w);
    iot_thing_json_add_string(w, "s");
    iot_thing_json_add_string_n(w, "sx", 1);
    iot_thing_json_add_raw(w, "{}", 2);
    iot_thing_json_begin_object(w, NULL);
    iot_thing_json_put_name_n(w, "keyx", 3);
    iot_thing_json_begin_array(w, NULL);
    iot_thing_json_end_array(w);
    iot_thing_json_end_object(w);
    iot_thing_json_end_array(w);
    iot_thing_json_end_object(w);
}

static void writing(void)
{
    static const char expected[] =
        "{\"i32\":-2147483648,\"u32\":4294967295,\"i64\":-9223372036854775808,"
        "\"u64\":18446744073709551615,\"t\":-0.05,\"b\":true,\"n\":null,\"q\\\"\":\"a\\n\xC3\xA9\","
        "\"z\":\"a\\u0000b\",\"r\":[1, 2],\"l\":[-1,1,-1,1,1.5,false,null,\"s\",\"s\",{},{\"key\":[]}]}";
    char buffer[sizeof expected + 8];
    iot_thing_json_writer_t w;
    size_t len = 0;

    CHECK_EQ(iot_thing_json_writer_init(&w, NULL, 0), IOT_THING_OK);
    write_document(&w);
    CHECK_EQ(iot_thing_json_writer_needed(&w), sizeof expected);
    for (size_t size = 0; size <= sizeof buffer; size++) {
        check_context("size %u", (unsigned)size);
        memset(buffer, 'x', sizeof buffer);
        CHECK_EQ(iot_thing_json_writer_init(&w, buffer, size), IOT_THING_OK);
        write_document(&w);
        len = 99999;
        CHECK_EQ(iot_thing_json_writer_needed(&w), sizeof expected);
        if (size >= sizeof expected) {
            CHECK_EQ(iot_thing_json_writer_finish(&w, &len), IOT_THING_OK);
            CHECK_EQ(len, sizeof expected - 1);
            CHECK(strcmp(buffer, expected) == 0);
        } else {
            CHECK_EQ(iot_thing_json_writer_finish(&w, &len), IOT_THING_ERR_JSON_NO_SPACE);
            CHECK_EQ(len, 99999);
        }
        for (size_t i = size; i < sizeof buffer; i++) {
            CHECK_EQ(buffer[i], 'x');
        }
    }
    check_context("%s", "");
}

static void writing_misuse(void)
{
    char buffer[64];
    iot_thing_json_writer_t w;
    size_t len;

    CHECK_EQ(iot_thing_json_writer_init(NULL, buffer, sizeof buffer), IOT_THING_ERR_NULL);
    CHECK_EQ(iot_thing_json_writer_init(&w, NULL, 1), IOT_THING_ERR_NULL);
    CHECK_EQ(iot_thing_json_writer_init(&w, buffer, SIZE_MAX), IOT_THING_ERR_ARGUMENT);
    CHECK_EQ(iot_thing_json_add_null(NULL), IOT_THING_ERR_NULL);
    CHECK_EQ(iot_thing_json_writer_finish(NULL, &len), IOT_THING_ERR_NULL);
    CHECK_EQ(iot_thing_json_writer_needed(NULL), 0);
    CHECK_EQ(iot_thing_json_writer_error(NULL), IOT_THING_ERR_NULL);

    memset(&w, 0, sizeof w);
    CHECK_EQ(iot_thing_json_add_null(&w), IOT_THING_ERR_JSON_NESTING);
    memset(&w, 0, sizeof w);
    CHECK_EQ(iot_thing_json_writer_finish(&w, &len), IOT_THING_ERR_JSON_NESTING);
    /* Whatever a stray pointer makes of it. */
    for (int fill = 0; fill < 256; fill++) {
        memset(&w, fill, sizeof w);
        w.buffer = buffer;
        w.size = sizeof buffer;
        CHECK(iot_thing_json_begin_object(&w, NULL) < 0);
        CHECK(iot_thing_json_put_u64(&w, "a", 1) < 0 && iot_thing_json_end_array(&w) < 0);
        CHECK(iot_thing_json_writer_finish(&w, &len) < 0);
    }

    CHECK_EQ(iot_thing_json_writer_init(&w, buffer, sizeof buffer), IOT_THING_OK);
    CHECK_EQ(iot_thing_json_begin_object(&w, NULL), IOT_THING_OK);
    CHECK_EQ(iot_thing_json_add_null(&w), IOT_THING_ERR_JSON_NESTING);
    CHECK_EQ(iot_thing_json_put_null(&w, "a"), IOT_THING_ERR_JSON_NESTING);
    CHECK_EQ(iot_thing_json_writer_error(&w), IOT_THING_ERR_JSON_NESTING);
    CHECK_EQ(iot_thing_json_writer_finish(&w, NULL), IOT_THING_ERR_JSON_NESTING);

    /* A NULL that nobody noticed is told at the end. */
    CHECK_EQ(iot_thing_json_writer_init(&w, buffer, sizeof buffer), IOT_THING_OK);
    CHECK_EQ(iot_thing_json_begin_object(&w, NULL), IOT_THING_OK);
    CHECK_EQ(iot_thing_json_put_null(&w, NULL), IOT_THING_ERR_NULL);
    CHECK_EQ(iot_thing_json_end_object(&w), IOT_THING_ERR_NULL);
    CHECK_EQ(iot_thing_json_writer_finish(&w, NULL), IOT_THING_ERR_NULL);

    CHECK_EQ(iot_thing_json_writer_init(&w, buffer, sizeof buffer), IOT_THING_OK);
    CHECK_EQ(iot_thing_json_add_string(&w, "\xFF"), IOT_THING_ERR_JSON_UTF8);
    CHECK_EQ(iot_thing_json_writer_init(&w, buffer, sizeof buffer), IOT_THING_OK);
    CHECK_EQ(iot_thing_json_add_raw(&w, "{", 1), IOT_THING_ERR_JSON_SYNTAX);
    CHECK_EQ(iot_thing_json_writer_init(&w, buffer, sizeof buffer), IOT_THING_OK);
    CHECK_EQ(iot_thing_json_add_scaled(&w, 1, 19), IOT_THING_ERR_ARGUMENT);
    /* Out of its own buffer. */
    memset(buffer, 0, sizeof buffer);
    CHECK_EQ(iot_thing_json_writer_init(&w, buffer, sizeof buffer), IOT_THING_OK);
    CHECK_EQ(iot_thing_json_add_string_n(&w, buffer + 60, 10), IOT_THING_ERR_ARGUMENT);
    CHECK_EQ(iot_thing_json_writer_init(&w, buffer, sizeof buffer), IOT_THING_OK);
    for (int i = 0; i < (int)IOT_THING_JSON_MAX_DEPTH; i++) {
        CHECK_EQ(iot_thing_json_begin_array(&w, NULL), IOT_THING_OK);
    }
    CHECK_EQ(iot_thing_json_begin_array(&w, NULL), IOT_THING_ERR_JSON_DEPTH);
}

int main(int argc, char **argv)
{
    RUN(parse);
    RUN(navigate);
    RUN(members);
    RUN(numbers);
    RUN(strings);
    RUN(reading_misuse);
    RUN(writing);
    RUN(writing_misuse);
    return check_report("test_json");
}
