#include "cloud.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "iot_thing.h"
#include "sim.h"

/* ---- texts ------------------------------------------------------------------------------------ */

typedef struct {
    char text[BROKER_MESSAGE_SIZE];
    size_t len;
} text_t;

static void add(text_t *text, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    int len = vsnprintf(text->text + text->len, sizeof text->text - text->len, format, arguments);
    va_end(arguments);
    if (len < 0 || (size_t)len >= sizeof text->text - text->len) {
        sim_violated("a message larger than the model cloud's buffer");
        return;
    }
    text->len += (size_t)len;
}

static void add_members(text_t *text, const cloud_section_t *section)
{
    add(text, "{");
    for (int i = 0; i < section->count; i++) {
        add(text, "%s\"%s\":%s", i ? "," : "", section->members[i].name, section->members[i].value);
    }
    add(text, "}");
}

static void copy_json(char *to, size_t size, const iot_thing_json_t *json)
{
    if (json->len >= size) {
        sim_violated("a value larger than the model cloud can hold");
        return;
    }
    memcpy(to, json->text, json->len);
    to[json->len] = '\0';
}

/* ---- shadows ----------------------------------------------------------------------------------- */

unsigned cloud_roll(cloud_t *cloud, unsigned sides)
{
    cloud->dice ^= cloud->dice << 13;
    cloud->dice ^= cloud->dice >> 7;
    cloud->dice ^= cloud->dice << 17;
    return (unsigned)((cloud->dice >> 11) % sides);
}

static int happens(cloud_t *cloud, unsigned percent)
{
    int it_does = percent > 0 && cloud_roll(cloud, 100) < percent;
    cloud->happened += (unsigned long)it_does;
    return it_does;
}

cloud_shadow_t *cloud_shadow(cloud_t *cloud, const char *name)
{
    for (int i = 0; i < cloud->count; i++) {
        if (strcmp(cloud->shadows[i].name, name) == 0) {
            return &cloud->shadows[i];
        }
    }
    if (cloud->count == CLOUD_SHADOWS) {
        sim_violated("more shadows than the model cloud can hold");
        return &cloud->shadows[0];
    }
    cloud_shadow_t *shadow = &cloud->shadows[cloud->count++];
    snprintf(shadow->name, sizeof shadow->name, "%s", name);
    return shadow;
}

static cloud_member_t *find(cloud_section_t *section, const char *name)
{
    for (int i = 0; i < section->count; i++) {
        if (strcmp(section->members[i].name, name) == 0) {
            return &section->members[i];
        }
    }
    return NULL;
}

const char *cloud_member(const cloud_section_t *section, const char *name)
{
    for (int i = 0; i < section->count; i++) {
        if (strcmp(section->members[i].name, name) == 0) {
            return section->members[i].value;
        }
    }
    return NULL;
}

/* Sets the members of an object; null deletes one. */
static void merge(cloud_section_t *section, const iot_thing_json_t *object)
{
    iot_thing_json_iter_t at;
    iot_thing_json_t name, value;
    char text[40];
    if (iot_thing_json_type(object) == IOT_THING_JSON_NULL) {
        section->count = 0;
        return;
    }
    if (iot_thing_json_iter_init(object, &at) != IOT_THING_OK) {
        return;
    }
    while (iot_thing_json_iter_next(&at, &name, &value) == IOT_THING_OK) {
        size_t len = 0;
        iot_thing_json_as_string(&name, text, sizeof text, &len);
        cloud_member_t *member = find(section, text);
        if (iot_thing_json_type(&value) == IOT_THING_JSON_NULL) {
            if (member != NULL) {
                *member = section->members[--section->count];
            }
            continue;
        }
        if (member == NULL) {
            if (section->count == CLOUD_MEMBERS) {
                sim_violated("more members than the model cloud can hold");
                return;
            }
            member = &section->members[section->count++];
            memcpy(member->name, text, sizeof text);
        }
        copy_json(member->value, sizeof member->value, &value);
    }
}

static void difference(const cloud_shadow_t *shadow, cloud_section_t *delta)
{
    delta->count = 0;
    for (int i = 0; i < shadow->desired.count; i++) {
        const cloud_member_t *member = &shadow->desired.members[i];
        const char *reported = cloud_member(&shadow->reported, member->name);
        if (reported == NULL || strcmp(reported, member->value) != 0) {
            delta->members[delta->count++] = *member;
        }
    }
}

int cloud_differs(const cloud_shadow_t *shadow)
{
    cloud_section_t delta;
    difference(shadow, &delta);
    return delta.count > 0;
}

/* ---- answers ----------------------------------------------------------------------------------- */

typedef struct {
    char end[32];
    text_t body;
} response_t;

static void publish(cloud_t *cloud, const cloud_shadow_t *shadow, const char *end,
                    const char *document)
{
    char topic[BROKER_TOPIC_SIZE];
    snprintf(topic, sizeof topic, "$aws/things/%s/shadow/%s%s%s%s", cloud->broker->thing,
             shadow->name[0] ? "name/" : "", shadow->name, shadow->name[0] ? "/" : "", end);
    if (cloud->late_count < CLOUD_LATE && happens(cloud, cloud->faults.late)) {
        snprintf(cloud->late_topic[cloud->late_count], sizeof topic, "%s", topic);
        snprintf(cloud->late[cloud->late_count++], sizeof cloud->late[0], "%s", document);
        return;
    }
    broker_publish(cloud->broker, topic, document);
}

static void deliver(cloud_t *cloud, const cloud_shadow_t *shadow, response_t *responses, int count)
{
    if (cloud->silent) {
        return;
    }
    if (count > 1 && happens(cloud, cloud->faults.reorder)) {
        for (int i = count - 1; i > 0; i--) {
            unsigned other = cloud_roll(cloud, (unsigned)i + 1);
            response_t swap = responses[i];
            responses[i] = responses[other];
            responses[other] = swap;
        }
    }
    for (int i = 0; i < count; i++) {
        if (happens(cloud, cloud->faults.lose)) {
            continue;
        }
        publish(cloud, shadow, responses[i].end, responses[i].body.text);
        if (happens(cloud, cloud->faults.duplicate)) {
            publish(cloud, shadow, responses[i].end, responses[i].body.text);
        }
    }
}

void cloud_release(cloud_t *cloud)
{
    int count = cloud->late_count;
    cloud->late_count = 0;
    for (int i = 0; i < count; i++) {
        broker_publish(cloud->broker, cloud->late_topic[i], cloud->late[i]);
    }
}

static void add_token(text_t *body, const char *token)
{
    if (token[0] != '\0') {
        add(body, ",\"clientToken\":\"%s\"", token);
    }
    add(body, "}");
}

static void reject(cloud_t *cloud, const cloud_shadow_t *shadow, const char *operation, int code,
                   const char *token)
{
    response_t response;
    memset(&response, 0, sizeof response);
    snprintf(response.end, sizeof response.end, "%s/rejected", operation);
    add(&response.body, "{\"code\":%d,\"message\":\"as the model has it\"", code);
    add_token(&response.body, token);
    deliver(cloud, shadow, &response, 1);
}

static void update(cloud_t *cloud, cloud_shadow_t *shadow, const iot_thing_json_t *request,
                   const char *token)
{
    response_t responses[3];
    iot_thing_json_t state, section;
    uint64_t version = 0;
    cloud_section_t delta;

    if (iot_thing_json_get(request, "state", &state) != IOT_THING_OK) {
        reject(cloud, shadow, "update", 400, token);
        return;
    }
    if (iot_thing_json_get_u64(request, "version", &version) == IOT_THING_OK) {
        if (happens(cloud, cloud->faults.conflict)) {
            cloud_update(cloud, shadow->name, "{\"state\":{\"desired\":{}}}");
        }
        if (version != (shadow->exists ? shadow->version : 1)) {
            reject(cloud, shadow, "update", shadow->exists ? 409 : 400, token);
            return;
        }
    }
    if (iot_thing_json_get(&state, "desired", &section) == IOT_THING_OK) {
        merge(&shadow->desired, &section);
    }
    if (iot_thing_json_get(&state, "reported", &section) == IOT_THING_OK) {
        merge(&shadow->reported, &section);
    }
    shadow->exists = 1;
    shadow->version++;
    shadow->updates++;

    memset(responses, 0, sizeof responses);
    char echo[BROKER_MESSAGE_SIZE];
    copy_json(echo, sizeof echo, &state);
    snprintf(responses[0].end, sizeof responses[0].end, "update/accepted");
    add(&responses[0].body, "{\"state\":%s,\"metadata\":{},\"version\":%llu,\"timestamp\":%llu", echo,
        (unsigned long long)shadow->version, (unsigned long long)cloud->seconds);
    add_token(&responses[0].body, token);
    int count = 1;
    difference(shadow, &delta);
    if (delta.count > 0) {
        response_t *response = &responses[count++];
        snprintf(response->end, sizeof response->end, "update/delta");
        add(&response->body, "{\"version\":%llu,\"timestamp\":%llu,\"state\":",
            (unsigned long long)shadow->version, (unsigned long long)cloud->seconds);
        add_members(&response->body, &delta);
        add_token(&response->body, token);
    }
    response_t *documents = &responses[count++];
    snprintf(documents->end, sizeof documents->end, "update/documents");
    add(&documents->body, "{\"previous\":null,\"current\":{\"state\":{\"desired\":");
    add_members(&documents->body, &shadow->desired);
    add(&documents->body, ",\"reported\":");
    add_members(&documents->body, &shadow->reported);
    add(&documents->body, "},\"version\":%llu},\"timestamp\":%llu",
        (unsigned long long)shadow->version, (unsigned long long)cloud->seconds);
    add_token(&documents->body, token);
    deliver(cloud, shadow, responses, count);
}

static void get(cloud_t *cloud, cloud_shadow_t *shadow, const char *token)
{
    response_t response;
    cloud_section_t delta;
    shadow->gets++;
    if (!shadow->exists) {
        reject(cloud, shadow, "get", 404, token);
        return;
    }
    memset(&response, 0, sizeof response);
    snprintf(response.end, sizeof response.end, "get/accepted");
    add(&response.body, "{\"state\":{\"desired\":");
    add_members(&response.body, &shadow->desired);
    add(&response.body, ",\"reported\":");
    add_members(&response.body, &shadow->reported);
    difference(shadow, &delta);
    if (delta.count > 0) {
        add(&response.body, ",\"delta\":");
        add_members(&response.body, &delta);
    }
    add(&response.body, "},\"metadata\":{},\"version\":%llu,\"timestamp\":%llu",
        (unsigned long long)shadow->version, (unsigned long long)cloud->seconds);
    add_token(&response.body, token);
    deliver(cloud, shadow, &response, 1);
}

static void forget(cloud_t *cloud, cloud_shadow_t *shadow, const char *token)
{
    response_t response;
    shadow->deletes++;
    if (!shadow->exists) {
        reject(cloud, shadow, "delete", 404, token);
        return;
    }
    memset(&response, 0, sizeof response);
    snprintf(response.end, sizeof response.end, "delete/accepted");
    add(&response.body, "{\"version\":%llu,\"timestamp\":%llu",
        (unsigned long long)shadow->version, (unsigned long long)cloud->seconds);
    add_token(&response.body, token);
    shadow->exists = 0;
    shadow->desired.count = 0;
    shadow->reported.count = 0;
    shadow->version++; /* the deletion itself counts */
    deliver(cloud, shadow, &response, 1);
}

static void serve(void *user, const char *topic, const char *payload)
{
    cloud_t *cloud = user;
    char name[65] = "";
    char head[160];
    int len = snprintf(head, sizeof head, "$aws/things/%s/shadow/", cloud->broker->thing);
    if (strncmp(topic, head, (size_t)len) != 0) {
        return;
    }
    const char *operation = topic + len;
    if (strncmp(operation, "name/", 5) == 0) {
        const char *end = strchr(operation + 5, '/');
        if (end == NULL || (size_t)(end - operation - 5) >= sizeof name) {
            return;
        }
        memcpy(name, operation + 5, (size_t)(end - operation - 5));
        operation = end + 1;
    }
    cloud_shadow_t *shadow = cloud_shadow(cloud, name);
    cloud->seconds++;

    iot_thing_json_t request, text;
    size_t size = 0;
    cloud->token[0] = '\0';
    if (iot_thing_json_parse(payload, strlen(payload), &request, NULL) != IOT_THING_OK) {
        sim_violated("a shadow request that is not JSON");
        return;
    }
    if (iot_thing_json_get(&request, "clientToken", &text) == IOT_THING_OK) {
        iot_thing_json_as_string(&text, cloud->token, sizeof cloud->token, &size);
    }
    if (happens(cloud, cloud->faults.throttle)) {
        reject(cloud, shadow, operation, 429, cloud->token);
    } else if (happens(cloud, cloud->faults.fail)) {
        reject(cloud, shadow, operation, 500, cloud->token);
    } else if (strcmp(operation, "update") == 0) {
        char token[80];
        memcpy(token, cloud->token, sizeof token);
        update(cloud, shadow, &request, token);
    } else if (strcmp(operation, "get") == 0) {
        get(cloud, shadow, cloud->token);
    } else if (strcmp(operation, "delete") == 0) {
        forget(cloud, shadow, cloud->token);
    }
}

void cloud_update(cloud_t *cloud, const char *name, const char *json)
{
    iot_thing_json_t request;
    cloud->seconds++;
    if (iot_thing_json_parse(json, strlen(json), &request, NULL) != IOT_THING_OK) {
        sim_violated("the test's own update is not JSON");
        return;
    }
    update(cloud, cloud_shadow(cloud, name), &request, "somebody");
}

void cloud_delete(cloud_t *cloud, const char *name)
{
    cloud->seconds++;
    forget(cloud, cloud_shadow(cloud, name), "somebody");
}

void cloud_init(cloud_t *cloud, broker_t *broker, uint64_t seed)
{
    memset(cloud, 0, sizeof *cloud);
    cloud->broker = broker;
    cloud->dice = seed * 0x9E3779B97F4A7C15u + 1;
    cloud->seconds = 1700000000;
    broker->serve = serve;
    broker->serve_user = cloud;
}
