/* A small scripted MQTT 5 broker with a shadow service: see broker.h. */
#include "broker.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    CONNECT = 1, CONNACK, PUBLISH, PUBACK, PUBREC, PUBREL, PUBCOMP, SUBSCRIBE, SUBACK,
    UNSUBSCRIBE, UNSUBACK, PINGREQ, PINGRESP, DISCONNECT
};

/* Properties of MQTT 5 that matter here. */
enum {
    SESSION_EXPIRY = 0x11, SERVER_KEEP_ALIVE = 0x13, RECEIVE_MAXIMUM = 0x21,
    MAXIMUM_PACKET_SIZE = 0x27
};

static void violated(broker_t *broker, const char *what)
{
    if (broker->violation == NULL) {
        broker->violation = what;
        fprintf(stderr, "broker: %s\n", what);
    }
}

/* snprintf that stops the test instead of cutting. Returns the length. */
#if defined(__GNUC__)
__attribute__((format(printf, 3, 4)))
#endif
static size_t format(char *out, size_t capacity, const char *text, ...)
{
    va_list arguments;
    va_start(arguments, text);
    int len = vsnprintf(out, capacity, text, arguments);
    va_end(arguments);
    if (len < 0 || (size_t)len >= capacity) {
        fprintf(stderr, "broker: a text of the test is too long: %.60s...\n", out);
        abort();
    }
    return (size_t)len;
}

/* ---- reading --------------------------------------------------------------------------------- */

typedef struct {
    const uint8_t *at;
    size_t left;
    int bad;
} reader_t;

static const uint8_t *read_bytes(reader_t *reader, size_t len)
{
    const uint8_t *bytes = reader->at;
    if (len > reader->left) {
        reader->bad = 1;
        reader->left = 0;
        return NULL;
    }
    reader->at += len;
    reader->left -= len;
    return bytes;
}

static unsigned read_number(reader_t *reader, size_t len)
{
    unsigned value = 0;
    const uint8_t *bytes = read_bytes(reader, len);
    for (size_t i = 0; bytes != NULL && i < len; i++) {
        value = value << 8 | bytes[i];
    }
    return value;
}

static size_t read_varint(reader_t *reader)
{
    size_t value = 0;
    for (unsigned shift = 0; shift < 28; shift += 7) {
        unsigned byte = read_number(reader, 1);
        value |= (size_t)(byte & 0x7F) << shift;
        if ((byte & 0x80) == 0) {
            return value;
        }
    }
    reader->bad = 1;
    return 0;
}

/* A string into a buffer, cut to fit, NUL-terminated. */
static void read_text(reader_t *reader, char *out, size_t capacity)
{
    size_t len = read_number(reader, 2);
    const uint8_t *bytes = read_bytes(reader, len);
    if (bytes == NULL) {
        len = 0;
    }
    if (len >= capacity) {
        len = capacity - 1;
    }
    if (len > 0) {
        memcpy(out, bytes, len);
    }
    out[len] = '\0';
}

static reader_t read_properties(reader_t *reader)
{
    reader_t properties = {NULL, 0, 0};
    size_t len = read_varint(reader);
    const uint8_t *bytes = read_bytes(reader, len);
    if (bytes != NULL) {
        properties.at = bytes;
        properties.left = len;
    }
    return properties;
}

static size_t fixed_property_size(unsigned id)
{
    switch (id) {
    case 0x01: case 0x17: case 0x19: case 0x24: case 0x25: case 0x28: case 0x29: case 0x2A:
        return 1;
    case 0x13: case 0x21: case 0x22: case 0x23:
        return 2;
    case 0x02: case 0x11: case 0x18: case 0x27:
        return 4;
    default:
        return 0; /* a string, or unknown */
    }
}

/* Reads a CONNECT's properties; only those with a fixed size are expected. */
static void read_connect_properties(broker_t *broker, reader_t properties)
{
    while (properties.left > 0 && !properties.bad) {
        unsigned id = read_number(&properties, 1);
        size_t size = fixed_property_size(id);
        if (size == 0) {
            return;
        }
        unsigned value = read_number(&properties, size);
        if (id == SESSION_EXPIRY) {
            broker->session_expiry = value;
        }
        if (id == MAXIMUM_PACKET_SIZE) {
            broker->maximum_packet_size = value;
        }
    }
}

/* ---- writing --------------------------------------------------------------------------------- */

typedef struct {
    uint8_t bytes[BROKER_MESSAGE_SIZE + 512];
    size_t len;
} packet_t;

static void put_bytes(packet_t *packet, const void *bytes, size_t len)
{
    if (packet->len + len > sizeof packet->bytes) {
        fprintf(stderr, "broker: a packet of the test is too large\n");
        abort();
    }
    memcpy(packet->bytes + packet->len, bytes, len);
    packet->len += len;
}

static void put_number(packet_t *packet, unsigned value, size_t len)
{
    while (len-- > 0) {
        uint8_t byte = (uint8_t)(value >> (8 * len));
        put_bytes(packet, &byte, 1);
    }
}

static void put_text(packet_t *packet, const char *text)
{
    size_t len = strlen(text);
    put_number(packet, (unsigned)len, 2);
    put_bytes(packet, text, len);
}

void broker_raw(broker_t *broker, const uint8_t *data, size_t len)
{
    if (broker->out_taken == broker->out_len) {
        broker->out_taken = broker->out_len = 0;
    }
    if (broker->out_len + len > sizeof broker->out) {
        fprintf(stderr, "broker: the device does not take its bytes\n");
        abort();
    }
    memcpy(broker->out + broker->out_len, data, len);
    broker->out_len += len;
}

static void send_packet(broker_t *broker, unsigned type, unsigned flags, const packet_t *body)
{
    uint8_t head[5];
    size_t head_len = 1;
    size_t rest = body->len;
    if (broker->silent || !broker->connected) {
        return;
    }
    head[0] = (uint8_t)(type << 4 | flags);
    do {
        uint8_t byte = rest & 0x7F;
        rest >>= 7;
        head[head_len++] = (uint8_t)(byte | (rest > 0 ? 0x80 : 0));
    } while (rest > 0);
    broker_raw(broker, head, head_len);
    broker_raw(broker, body->bytes, body->len);
}

/* ---- to the device --------------------------------------------------------------------------- */

static void send_publish(broker_t *broker, const broker_delivery_t *delivery, int dup)
{
    packet_t body = {.len = 0};
    put_text(&body, delivery->topic);
    if (delivery->packet_id != 0) {
        put_number(&body, delivery->packet_id, 2);
    }
    put_number(&body, (unsigned)delivery->properties_len, 1);
    put_bytes(&body, delivery->properties, delivery->properties_len);
    put_bytes(&body, delivery->payload, delivery->payload_len);
    send_packet(broker, PUBLISH,
                (delivery->packet_id != 0 ? 2u : 0u) | (dup ? 8u : 0u) |
                    (delivery->retain ? 1u : 0u),
                &body);
}

static uint16_t new_packet_id(broker_t *broker)
{
    broker->next_packet_id = (uint16_t)(broker->next_packet_id % 60000 + 1);
    return broker->next_packet_id;
}

/* Sends what the device has not acknowledged: all of it after a reconnection. */
static void send_deliveries(broker_t *broker, int again)
{
    for (size_t i = 0; i < BROKER_IN_FLIGHT; i++) {
        broker_delivery_t *delivery = &broker->deliveries[i];
        if (delivery->used && broker->connected && (again || !delivery->sent)) {
            if (delivery->sent && broker->renumber) {
                delivery->packet_id = new_packet_id(broker);
            }
            send_publish(broker, delivery, delivery->sent && !broker->renumber);
            delivery->sent = 1;
        }
    }
}

static broker_delivery_t *free_delivery(broker_t *broker)
{
    for (size_t i = 0; i < BROKER_IN_FLIGHT; i++) {
        if (!broker->deliveries[i].used) {
            return &broker->deliveries[i];
        }
    }
    fprintf(stderr, "broker: the device does not acknowledge\n");
    abort();
}

/* Whether a filter matches, as AWS IoT does it: "a/#" is not "a". */
static int matches(const char *filter, const char *topic)
{
    if (strncmp(filter, "$share/", 7) == 0) {
        filter = strchr(filter + 7, '/') + 1;
    }
    if (topic[0] == '$' && filter[0] != '$') {
        return 0;
    }
    for (;;) {
        size_t level = strcspn(filter, "/");
        size_t actual = strcspn(topic, "/");
        if (level == 1 && filter[0] == '#') {
            return 1;
        }
        if (!(level == 1 && filter[0] == '+') &&
            (level != actual || strncmp(filter, topic, level) != 0)) {
            return 0;
        }
        filter += level;
        topic += actual;
        if (*filter == '\0' || *topic == '\0') {
            return *filter == *topic;
        }
        filter++;
        topic++;
    }
}

int broker_subscribed(const broker_t *broker, const char *topic)
{
    for (size_t i = 0; i < BROKER_FILTERS; i++) {
        if (broker->filters[i][0] != '\0' && matches(broker->filters[i], topic)) {
            return 1;
        }
    }
    return 0;
}

static void fill_delivery(broker_delivery_t *delivery, const char *topic, const void *payload,
                          size_t len)
{
    memset(delivery, 0, sizeof *delivery);
    format(delivery->topic, sizeof delivery->topic, "%s", topic);
    if (len > sizeof delivery->payload) {
        fprintf(stderr, "broker: a message of the test is too large\n");
        abort();
    }
    if (len > 0) {
        memcpy(delivery->payload, payload, len);
    }
    delivery->payload_len = len;
}

void broker_publish_as(broker_t *broker, const char *topic, const void *payload, size_t len, int qos,
                       int retain, const void *properties, size_t properties_len)
{
    broker_delivery_t delivery;
    if (!broker->session || !broker_subscribed(broker, topic)) {
        return;
    }
    fill_delivery(&delivery, topic, payload, len);
    delivery.retain = retain;
    delivery.properties_len = properties_len;
    if (properties_len > 0) {
        memcpy(delivery.properties, properties, properties_len);
    }
    if (qos == 0) {
        send_publish(broker, &delivery, 0);
        return;
    }
    delivery.packet_id = new_packet_id(broker);
    delivery.used = 1;
    *free_delivery(broker) = delivery;
    send_deliveries(broker, 0);
}

void broker_publish(broker_t *broker, const char *topic, const char *payload)
{
    broker_publish_as(broker, topic, payload, strlen(payload), 1, 0, NULL, 0);
}

void broker_publish_unasked(broker_t *broker, const char *topic, const char *payload)
{
    broker_delivery_t delivery;
    fill_delivery(&delivery, topic, payload, strlen(payload));
    send_publish(broker, &delivery, 0);
}

void broker_disconnect(broker_t *broker, int reason)
{
    packet_t body = {.len = 0};
    put_number(&body, (unsigned)reason, 1);
    put_number(&body, 0, 1);
    send_packet(broker, DISCONNECT, 0, &body);
    broker->closing = 1;
}

/* ---- the shadow service ---------------------------------------------------------------------- */

const char *broker_topic(const broker_t *broker, const char *end)
{
    static char topic[BROKER_TOPIC_SIZE];
    format(topic, sizeof topic, "$aws/things/%s/shadow/%s", broker->thing, end);
    return topic;
}

static void answer(broker_t *broker, const char *end, const char *document)
{
    if (!broker->hold_answers) {
        broker_publish(broker, broker_topic(broker, end), document);
        return;
    }
    if (broker->held_count < 8) {
        format(broker->held_topic[broker->held_count], sizeof broker->held_topic[0], "%s",
               broker_topic(broker, end));
        format(broker->held[broker->held_count++], sizeof broker->held[0], "%s", document);
    }
}

void broker_release_answers(broker_t *broker, int reversed)
{
    int count = broker->held_count;
    broker->held_count = 0;
    for (int i = 0; i < count; i++) {
        int which = reversed ? count - 1 - i : i;
        broker_publish(broker, broker->held_topic[which], broker->held[which]);
    }
}

static void publish_delta(broker_t *broker)
{
    char document[BROKER_MESSAGE_SIZE];
    format(document, sizeof document,
           "{\"version\":%lu,\"timestamp\":1700000000,\"state\":%s,\"metadata\":{}}",
           (unsigned long)broker->version, broker->desired);
    broker_publish(broker, broker_topic(broker, "update/delta"), document);
}

void broker_request(broker_t *broker, const char *desired)
{
    format(broker->desired, sizeof broker->desired, "%s", desired);
    broker->version++;
    publish_delta(broker);
}

/* The JSON object that starts at `text`; its length, or 0 when it does not end. */
static size_t object_length(const char *text)
{
    int depth = 0;
    int in_string = 0;
    for (size_t i = 0; text[i] != '\0'; i++) {
        if (in_string) {
            if (text[i] == '\\' && text[i + 1] != '\0') {
                i++;
            } else if (text[i] == '"') {
                in_string = 0;
            }
        } else if (text[i] == '"') {
            in_string = 1;
        } else if (text[i] == '{') {
            depth++;
        } else if (text[i] == '}' && --depth == 0) {
            return i + 1;
        }
    }
    return 0;
}

/* The client token of a request, or "" when it has none. */
static void copy_token(const char *text, char *token, size_t capacity)
{
    static const char key[] = "\"clientToken\":\"";
    const char *at = strstr(text, key);
    size_t len = 0;
    if (at != NULL) {
        at += sizeof key - 1;
        len = strcspn(at, "\"");
    }
    if (len >= capacity) {
        len = capacity - 1;
    }
    if (len > 0) {
        memcpy(token, at, len);
    }
    token[len] = '\0';
}

static void reject(broker_t *broker, const char *end, int code, const char *token)
{
    char document[BROKER_MESSAGE_SIZE];
    format(document, sizeof document,
           "{\"code\":%d,\"message\":\"as the test wants it\",\"timestamp\":1700000000,"
           "\"clientToken\":\"%s\"}",
           code, token);
    answer(broker, end, document);
}

static void shadow_update(broker_t *broker, const char *text)
{
    static const char head[] = "{\"state\":{\"reported\":";
    char document[BROKER_MESSAGE_SIZE];
    char token[80];

    copy_token(text, token, sizeof token);
    if (token[0] == '\0' || strncmp(text, head, sizeof head - 1) != 0) {
        violated(broker, "an update without reported state or without a client token");
        return;
    }
    if (broker->silent_updates || broker->shadow_mode == SHADOW_IS_SILENT) {
        return;
    }
    if (broker->shadow_mode == SHADOW_REJECTS) {
        reject(broker, "update/rejected", broker->shadow_code, token);
        return;
    }
    const char *object = text + sizeof head - 1;
    size_t len = object_length(object);
    if (len == 0 || len >= sizeof broker->reported) {
        violated(broker, "the reported state of an update is not an object");
        return;
    }
    memcpy(broker->reported, object, len);
    broker->reported[len] = '\0';
    broker->version++;
    broker->updates++;
    if (strcmp(broker->reported, broker->desired) == 0) {
        broker->desired[0] = '\0';
    }
    /* A real answer repeats the state; a long one does not fit the test's buffers. */
    format(document, sizeof document,
           "{\"state\":{\"reported\":%s},\"metadata\":{\"reported\":{}},\"version\":%lu,"
           "\"timestamp\":1700000000,\"clientToken\":\"%s\"}",
           len < 512 ? broker->reported : "{}", (unsigned long)broker->version, token);
    answer(broker, "update/accepted", document);
}

static void shadow_get(broker_t *broker, const char *text)
{
    char document[BROKER_MESSAGE_SIZE];
    char token[80];
    copy_token(text, token, sizeof token);
    if (broker->shadow_mode == SHADOW_IS_SILENT) {
        return;
    }
    if (broker->version == 0) {
        reject(broker, "get/rejected", 404, token);
        return;
    }
    size_t len = format(document, sizeof document, "{\"state\":{");
    if (broker->desired[0] != '\0') {
        len += format(document + len, sizeof document - len,
                      "\"desired\":%s,\"delta\":%s,", broker->desired, broker->desired);
    }
    format(document + len, sizeof document - len,
           "\"reported\":%s},\"metadata\":{},\"version\":%lu,\"timestamp\":1700000000,"
           "\"clientToken\":\"%s\"}",
           broker->reported[0] != '\0' ? broker->reported : "{}",
           (unsigned long)broker->version, token);
    answer(broker, "get/accepted", document);
}

static void serve_shadow(broker_t *broker, const char *topic, const char *text)
{
    if (broker->serve != NULL) {
        broker->serve(broker->serve_user, topic, text);
        return;
    }
    if (strcmp(topic, broker_topic(broker, "update")) == 0) {
        shadow_update(broker, text);
    } else if (strcmp(topic, broker_topic(broker, "get")) == 0) {
        shadow_get(broker, text);
    }
}

/* ---- packets from the device ----------------------------------------------------------------- */

static void forget_session(broker_t *broker)
{
    memset(broker->filters, 0, sizeof broker->filters);
    memset(broker->deliveries, 0, sizeof broker->deliveries);
    broker->session = 0;
}

static void on_connect(broker_t *broker, reader_t body)
{
    char protocol[8];
    read_text(&body, protocol, sizeof protocol);
    unsigned level = read_number(&body, 1);
    unsigned flags = read_number(&body, 1);
    broker->keep_alive = (uint16_t)read_number(&body, 2);
    broker->session_expiry = 0;
    read_connect_properties(broker, read_properties(&body));
    read_text(&body, broker->client_id, sizeof broker->client_id);
    broker->connect_flags = flags;
    broker->will_topic[0] = broker->user_name[0] = broker->password[0] = '\0';
    if (flags & 0x04) {
        broker->will_properties_len = read_properties(&body).left;
        read_text(&body, broker->will_topic, sizeof broker->will_topic);
        read_text(&body, broker->will_payload, sizeof broker->will_payload);
    }
    if (flags & 0x80) {
        read_text(&body, broker->user_name, sizeof broker->user_name);
    }
    if (flags & 0x40) {
        read_text(&body, broker->password, sizeof broker->password);
    }
    if (body.left > 0) {
        violated(broker, "bytes behind a CONNECT");
    }
    if (body.bad || strcmp(protocol, "MQTT") != 0 || level != 5) {
        violated(broker, "a malformed CONNECT");
    }
    if (broker->connected) {
        violated(broker, "a second CONNECT");
    }
    broker->connects++;
    broker->connected = 1;
    if (flags & 2) {
        broker->clean_starts++;
    }
    if ((flags & 2) || broker->forget_session) {
        forget_session(broker);
    }
    if (broker->close_on_connect) {
        broker->closing = 1;
        return;
    }
    if (broker->no_connack > 0) {
        broker->no_connack--;
        return;
    }

    packet_t reply = {.len = 0};
    packet_t properties = {.len = 0};
    int resumed = broker->session && broker->connack_code == 0;
    if (broker->receive_maximum) {
        put_number(&properties, RECEIVE_MAXIMUM, 1);
        put_number(&properties, (unsigned)broker->receive_maximum, 2);
    }
    if (broker->server_keep_alive) {
        put_number(&properties, SERVER_KEEP_ALIVE, 1);
        put_number(&properties, (unsigned)broker->server_keep_alive, 2);
    }
    put_bytes(&properties, broker->connack_properties, broker->connack_properties_len);
    put_number(&reply, (unsigned)resumed, 1);
    put_number(&reply, (unsigned)broker->connack_code, 1);
    put_number(&reply, (unsigned)properties.len, 1);
    put_bytes(&reply, properties.bytes, properties.len);
    send_packet(broker, CONNACK, 0, &reply);
    if (broker->connack_code != 0) {
        broker->closing = 1;
        return;
    }
    broker->session = 1;
    if (broker->drop_after_connack > 0) {
        broker->drop_after_connack--;
        broker->closing = 1;
        return;
    }
    send_deliveries(broker, 1);
}

static void record(broker_t *broker, const broker_message_t *message)
{
    if (broker->message_count < BROKER_MESSAGES) {
        broker->messages[broker->message_count++] = *message;
    }
}

static void acknowledge(broker_t *broker, uint16_t packet_id)
{
    packet_t reply = {.len = 0};
    if (broker->no_puback) {
        return;
    }
    if (broker->hold_pubacks && broker->held_puback_count < BROKER_IN_FLIGHT) {
        broker->held_pubacks[broker->held_puback_count++] = packet_id;
        if (broker->held_puback_count > broker->in_flight_max) {
            broker->in_flight_max = broker->held_puback_count;
        }
        return;
    }
    put_number(&reply, packet_id, 2);
    put_number(&reply, (unsigned)broker->puback_code, 1);
    send_packet(broker, PUBACK, 0, &reply);
}

void broker_release_pubacks(broker_t *broker, int reversed)
{
    int count = broker->held_puback_count;
    int hold = broker->hold_pubacks;
    broker->held_puback_count = 0;
    broker->hold_pubacks = 0;
    for (int i = 0; i < count; i++) {
        acknowledge(broker, broker->held_pubacks[reversed ? count - 1 - i : i]);
    }
    broker->hold_pubacks = hold;
}

static void on_publish(broker_t *broker, unsigned flags, reader_t body)
{
    static char text[BROKER_BUFFER];
    broker_message_t message;
    memset(&message, 0, sizeof message);

    message.qos = (int)(flags >> 1 & 3);
    message.dup = (flags & 8) != 0;
    message.retain = (flags & 1) != 0;
    message.connection = broker->connects;
    read_text(&body, message.topic, sizeof message.topic);
    if (message.qos > 0) {
        message.packet_id = (uint16_t)read_number(&body, 2);
    }
    reader_t properties = read_properties(&body);
    message.properties_len = properties.left;
    if (properties.left > 0) {
        memcpy(message.properties, properties.at,
               properties.left < sizeof message.properties ? properties.left
                                                           : sizeof message.properties);
    }
    if (body.bad || message.qos > 1 || (message.qos == 1 && message.packet_id == 0)) {
        violated(broker, "a malformed PUBLISH");
        return;
    }
    message.payload_len = body.left;
    memcpy(text, body.at, body.left);
    text[body.left] = '\0';
    memcpy(message.payload, text,
           body.left < sizeof message.payload ? body.left : sizeof message.payload - 1);
    record(broker, &message);
    if (broker->close_on_publish) {
        broker->closing = 1;
        return;
    }
    if (message.qos == 1) {
        acknowledge(broker, message.packet_id);
    }
    if (broker->puback_code < 0x80) {
        serve_shadow(broker, message.topic, text);
    }
}

static void on_puback(broker_t *broker, reader_t body)
{
    uint16_t packet_id = (uint16_t)read_number(&body, 2);
    broker->pubacks++;
    broker->last_puback_id = packet_id;
    broker->last_puback_code = body.left > 0 ? (int)read_number(&body, 1) : 0;
    for (size_t i = 0; i < BROKER_IN_FLIGHT; i++) {
        if (broker->deliveries[i].used && broker->deliveries[i].packet_id == packet_id) {
            broker->deliveries[i].used = 0;
            return;
        }
    }
    if (!broker->loose_pubacks) {
        violated(broker, "a PUBACK for a message that was not sent");
    }
}

static void add_filter(broker_t *broker, const char *filter)
{
    size_t free_place = BROKER_FILTERS;
    for (size_t i = 0; i < BROKER_FILTERS; i++) {
        if (strcmp(broker->filters[i], filter) == 0) {
            return;
        }
        if (broker->filters[i][0] == '\0' && free_place == BROKER_FILTERS) {
            free_place = i;
        }
    }
    if (free_place == BROKER_FILTERS) {
        violated(broker, "too many subscriptions for this broker");
        return;
    }
    format(broker->filters[free_place], sizeof broker->filters[0], "%s", filter);
}

static void on_subscribe(broker_t *broker, unsigned flags, reader_t body)
{
    char filter[BROKER_TOPIC_SIZE];
    int count = 0;
    packet_t reply = {.len = 0};
    broker->last_subscribe_id = (uint16_t)read_number(&body, 2);
    put_number(&reply, broker->last_subscribe_id, 2);
    put_number(&reply, 0, 1);
    read_properties(&body);
    while (body.left > 0 && !body.bad) {
        read_text(&body, filter, sizeof filter);
        unsigned options = read_number(&body, 1);
        if ((options & 3) > 1) {
            violated(broker, "a subscription for QoS 2");
        }
        unsigned code = count < broker->suback_code_count ? broker->suback_codes[count]
                                                          : (unsigned)broker->suback_code;
        if (broker->judge != NULL) {
            code = (unsigned)broker->judge(filter);
        }
        if (code < 0x80 && !broker->no_suback) {
            add_filter(broker, filter);
        }
        put_number(&reply, code, 1);
        if (count == 0 && broker->early_message) {
            broker_publish_unasked(broker, filter, "early");
        }
        count++;
    }
    if (body.bad || count == 0 || count > 8 || flags != 2) {
        violated(broker, "a malformed SUBSCRIBE, or one with more than 8 filters");
    }
    broker->subscribes++;
    broker->filters_asked += count;
    if (count > broker->filters_max) {
        broker->filters_max = count;
    }
    if (broker->close_on_subscribe) {
        broker->closing = 1;
    } else if (!broker->no_suback) {
        send_packet(broker, SUBACK, 0, &reply);
    }
}

static void on_unsubscribe(broker_t *broker, unsigned flags, reader_t body)
{
    char filter[BROKER_TOPIC_SIZE];
    int count = 0;
    packet_t reply = {.len = 0};
    put_number(&reply, read_number(&body, 2), 2);
    put_number(&reply, 0, 1);
    read_properties(&body);
    while (body.left > 0 && !body.bad) {
        read_text(&body, filter, sizeof filter);
        for (size_t i = 0; i < BROKER_FILTERS; i++) {
            if (strcmp(broker->filters[i], filter) == 0) {
                broker->filters[i][0] = '\0';
            }
        }
        put_number(&reply, (unsigned)broker->unsuback_code, 1);
        count++;
    }
    if (body.bad || count == 0 || count > 8 || flags != 2) {
        violated(broker, "a malformed UNSUBSCRIBE, or one with more than 8 filters");
    }
    broker->unsubscribes++;
    send_packet(broker, UNSUBACK, 0, &reply);
}

static void on_packet(broker_t *broker, unsigned head, reader_t body)
{
    packet_t nothing = {.len = 0};
    broker->packets++;
    if (head >> 4 != CONNECT && !broker->connected) {
        violated(broker, "a packet before CONNECT");
        return;
    }
    switch (head >> 4) {
    case CONNECT:
        on_connect(broker, body);
        break;
    case PUBLISH:
        on_publish(broker, head & 15, body);
        break;
    case PUBACK:
        on_puback(broker, body);
        break;
    case SUBSCRIBE:
        on_subscribe(broker, head & 15, body);
        break;
    case UNSUBSCRIBE:
        on_unsubscribe(broker, head & 15, body);
        break;
    case PINGREQ:
        broker->pings++;
        if (!broker->no_pingresp) {
            send_packet(broker, PINGRESP, 0, &nothing);
        }
        break;
    case DISCONNECT:
        broker->disconnects++;
        broker->disconnect_code = body.left > 0 ? (int)read_number(&body, 1) : 0;
        broker->closing = 1;
        break;
    default:
        violated(broker, "a packet that a client does not send");
        break;
    }
}

/* Takes one complete packet off the input. Returns 0 when there is none. */
static int take_packet(broker_t *broker)
{
    reader_t reader = {broker->in, broker->in_len, 0};
    unsigned head = read_number(&reader, 1);
    size_t len = read_varint(&reader);
    if (reader.bad || reader.left < len) {
        return 0;
    }
    reader_t body = {reader.at, len, 0};
    on_packet(broker, head, body);
    size_t used = (size_t)(reader.at - broker->in) + len;
    memmove(broker->in, broker->in + used, broker->in_len - used);
    broker->in_len -= used;
    return 1;
}

/* ---- the network ----------------------------------------------------------------------------- */

void broker_init(broker_t *broker, const char *thing)
{
    memset(broker, 0, sizeof *broker);
    format(broker->thing, sizeof broker->thing, "%s", thing);
    broker->suback_code = 1;
    broker->shadow_code = 400;
}

void broker_open(broker_t *broker)
{
    broker->connected = 0;
    broker->closing = 0;
    broker->in_len = 0;
    broker->out_len = 0;
    broker->out_taken = 0;
}

void broker_take(broker_t *broker, const uint8_t *data, size_t len)
{
    if (broker->in_len + len > sizeof broker->in) {
        violated(broker, "a packet larger than this broker's buffer");
        return;
    }
    memcpy(broker->in + broker->in_len, data, len);
    broker->in_len += len;
    while (!broker->closing && take_packet(broker)) {
    }
}

void broker_closed(broker_t *broker)
{
    broker->connected = 0;
    broker->in_len = 0;
    broker->out_len = 0;
    broker->out_taken = 0;
    if (broker->forget_session) {
        forget_session(broker);
    }
}

size_t broker_pending(const broker_t *broker)
{
    return broker->out_len - broker->out_taken;
}

size_t broker_give(broker_t *broker, uint8_t *data, size_t len)
{
    size_t pending = broker_pending(broker);
    size_t given = len < pending ? len : pending;
    memcpy(data, broker->out + broker->out_taken, given);
    broker->out_taken += given;
    return given;
}

/* ---- the record ------------------------------------------------------------------------------ */

int broker_count(const broker_t *broker, const char *topic)
{
    int count = 0;
    for (int i = 0; i < broker->message_count; i++) {
        count += strcmp(broker->messages[i].topic, topic) == 0;
    }
    return count;
}

const broker_message_t *broker_last(const broker_t *broker, const char *topic)
{
    for (int i = broker->message_count; i-- > 0;) {
        if (strcmp(broker->messages[i].topic, topic) == 0) {
            return &broker->messages[i];
        }
    }
    return NULL;
}
