/*
 * A small scripted MQTT 5 broker with a shadow service, for tests: bytes in, bytes out, no clock,
 * no sockets, fixed buffers. It does what AWS IoT does for one device, does the opposite when
 * told to, and keeps a record of everything that arrived.
 */
#ifndef BROKER_H
#define BROKER_H

#include <stddef.h>
#include <stdint.h>

#define BROKER_BUFFER (200 * 1024)
#define BROKER_MESSAGES 2048
#define BROKER_FILTERS 64
#define BROKER_IN_FLIGHT 64
#define BROKER_TOPIC_SIZE 257 /* AWS IoT limit, and NUL */
#define BROKER_STATE_SIZE 700
#ifndef BROKER_MESSAGE_SIZE
#define BROKER_MESSAGE_SIZE 2048
#endif

/* A message that arrived from the device. */
typedef struct {
    char topic[BROKER_TOPIC_SIZE];
    char payload[160]; /* the start of it, NUL-terminated */
    size_t payload_len;
    int qos;
    int dup;
    int retain;
    uint16_t packet_id;
    uint8_t properties[160]; /* the start of them, as they came */
    size_t properties_len;
    int connection; /* during which connection, counted from 1 */
} broker_message_t;

/* A message to the device that it has not acknowledged. */
typedef struct {
    char topic[BROKER_TOPIC_SIZE];
    uint8_t payload[BROKER_MESSAGE_SIZE];
    size_t payload_len;
    uint16_t packet_id;
    int used;
    int sent;
    int retain;
    uint8_t properties[64];
    size_t properties_len;
} broker_delivery_t;

/* What the shadow service does with updates. */
typedef enum { SHADOW_ACCEPTS, SHADOW_REJECTS, SHADOW_IS_SILENT } broker_shadow_mode_t;

typedef struct {
    /* ---- how it behaves; broker_init() sets the good behaviour ---- */
    int forget_session;     /* the session does not outlive a connection */
    int connack_code;       /* 0: accepted */
    int close_on_connect;   /* closes without a CONNACK */
    int silent;             /* answers nothing at all */
    int no_puback;          /* takes QoS 1 messages and does not acknowledge */
    int puback_code;        /* 0: success */
    int suback_code;        /* 1: QoS 1 granted; 0x80 and more: refused */
    int no_pingresp;
    int no_connack;         /* takes CONNECT and says nothing, so many times */
    int drop_after_connack; /* closes the connection right after it, so many times */
    int no_suback;
    int close_on_subscribe; /* closes the connection without a word */
    int close_on_publish;
    int hold_pubacks;       /* until broker_release_pubacks() */
    int renumber;           /* a repetition has another packet identifier, as at AWS IoT */
    int loose_pubacks;      /* PUBACKs for what broker_raw() sent are no fault of the device */
    int early_message;      /* a message on the first filter comes between SUBSCRIBE and SUBACK */
    int unsuback_code;
    uint8_t suback_codes[8]; /* used instead of suback_code when suback_code_count is set */
    int suback_code_count;
    int (*judge)(const char *filter); /* used instead of both when set: the code of a filter */
    uint8_t connack_properties[96]; /* as they are */
    size_t connack_properties_len;
    int receive_maximum;    /* 0: not sent in CONNACK */
    int server_keep_alive;  /* 0: not sent in CONNACK */
    broker_shadow_mode_t shadow_mode;
    int silent_updates;     /* updates are not answered, everything else is */
    int shadow_code;        /* of a rejection */
    int hold_answers;       /* shadow answers are kept back until broker_release_answers() */

    /* ---- the shadow ---- */
    char thing[129];
    char reported[BROKER_STATE_SIZE]; /* the object of the last accepted update, or "" */
    char desired[BROKER_STATE_SIZE];  /* what the cloud wants, or "" when it is in sync */
    uint64_t version;
    int updates;                        /* accepted updates, repetitions included */

    /* Answers the shadows' requests instead of the service above: see cloud.h. */
    void (*serve)(void *user, const char *topic, const char *payload);
    void *serve_user;

    /* ---- what arrived ---- */
    int connects;
    int clean_starts;
    uint16_t keep_alive;          /* of the last CONNECT */
    uint32_t session_expiry;
    char client_id[129];
    int subscribes;               /* SUBSCRIBE packets */
    int filters_max;              /* most filters in one of them */
    int filters_asked;            /* filters in all of them */
    uint16_t last_subscribe_id;
    int unsubscribes;             /* UNSUBSCRIBE packets */
    unsigned connect_flags;       /* of the last CONNECT */
    char will_topic[BROKER_TOPIC_SIZE];
    char will_payload[64];
    size_t will_properties_len;
    char user_name[64];
    char password[64];
    unsigned maximum_packet_size;
    int disconnect_code;          /* of the last DISCONNECT */
    int last_puback_code;
    uint16_t last_puback_id;
    int in_flight_max;            /* most unacknowledged messages of the device at once */
    int pings;
    int disconnects;              /* DISCONNECT packets */
    int pubacks;                  /* PUBACK packets from the device */
    int packets;                  /* all complete packets */
    broker_message_t messages[BROKER_MESSAGES];
    int message_count;
    const char *violation;        /* the first thing that MQTT 5 does not allow, or NULL */

    /* ---- private ---- */
    int connected;
    int closing;                  /* the broker closes when its bytes are out */
    int session;
    char filters[BROKER_FILTERS][BROKER_TOPIC_SIZE];
    uint16_t next_packet_id;
    broker_delivery_t deliveries[BROKER_IN_FLIGHT];
    uint8_t in[BROKER_BUFFER];
    size_t in_len;
    uint8_t out[BROKER_BUFFER];
    size_t out_len;
    size_t out_taken;
    char held_topic[8][BROKER_TOPIC_SIZE];
    char held[8][BROKER_MESSAGE_SIZE];
    int held_count;
    uint16_t held_pubacks[BROKER_IN_FLIGHT];
    int held_puback_count;
} broker_t;

void broker_init(broker_t *broker, const char *thing);

/* The network: a connection begins, bytes arrive, it ends. */
void broker_open(broker_t *broker);
void broker_take(broker_t *broker, const uint8_t *data, size_t len);
void broker_closed(broker_t *broker);

/* Bytes for the device: how many wait, and taking some. */
size_t broker_pending(const broker_t *broker);
size_t broker_give(broker_t *broker, uint8_t *data, size_t len);

/* The cloud asks for another state: an object, as JSON text. Published as a delta. */
void broker_request(broker_t *broker, const char *desired);

/* Publishes to the device, if it has subscribed; kept for a session that is away. */
void broker_publish(broker_t *broker, const char *topic, const char *payload);

/* Publishes to the device whether it subscribed or not, at QoS 0. */
void broker_publish_unasked(broker_t *broker, const char *topic, const char *payload);

/* Publishes any bytes, with properties as they are, at QoS 0 or 1, to a device that subscribed. */
void broker_publish_as(broker_t *broker, const char *topic, const void *payload, size_t len, int qos,
                       int retain, const void *properties, size_t properties_len);

/* Acknowledges what hold_pubacks kept back, the last one first when `reversed`. */
void broker_release_pubacks(broker_t *broker, int reversed);

/* Ends the connection with a DISCONNECT of this reason. */
void broker_disconnect(broker_t *broker, int reason);

/* Puts bytes as they are on the connection. */
void broker_raw(broker_t *broker, const uint8_t *data, size_t len);

/* Lets go the answers that hold_answers kept back, the last one first when `reversed`. */
void broker_release_answers(broker_t *broker, int reversed);

/* How many messages arrived on a topic (in all connections, repetitions included). */
int broker_count(const broker_t *broker, const char *topic);
const broker_message_t *broker_last(const broker_t *broker, const char *topic);
int broker_subscribed(const broker_t *broker, const char *topic);

/* The topic "$aws/things/<thing>/shadow/<end>", in a buffer that the next call overwrites. */
const char *broker_topic(const broker_t *broker, const char *end);

#endif
