/*
 * A model of AWS IoT's shadow service, for tests: flat members (each any JSON value), several
 * shadows, versions, conflicts, and on command every misfortune. It answers through a broker_t.
 */
#ifndef CLOUD_H
#define CLOUD_H

#include "broker.h"

#define CLOUD_SHADOWS 4
#define CLOUD_MEMBERS 20
#define CLOUD_LATE 24

typedef struct {
    char name[40];
    char value[80]; /* JSON */
} cloud_member_t;

typedef struct {
    cloud_member_t members[CLOUD_MEMBERS];
    int count;
} cloud_section_t;

typedef struct {
    char name[65]; /* "": the classic one */
    int exists;
    uint64_t version;
    cloud_section_t desired;
    cloud_section_t reported;
    int updates; /* accepted */
    int gets;
    int deletes;
} cloud_shadow_t;

/* Percent of the cases. */
typedef struct {
    unsigned lose;      /* a response never comes */
    unsigned duplicate; /* a response comes twice */
    unsigned reorder;   /* the responses to one request come in another order */
    unsigned late;      /* a response comes with the next cloud_release() */
    unsigned conflict;  /* somebody else is faster than an update that names a version */
    unsigned throttle;  /* 429 */
    unsigned fail;      /* 500 */
} cloud_faults_t;

typedef struct {
    broker_t *broker;
    cloud_faults_t faults;
    uint64_t dice;
    unsigned long happened; /* faults */
    uint64_t seconds;       /* the service's clock */
    int silent;             /* requests are obeyed, and nothing is answered */
    char token[80];         /* of the last request */
    cloud_shadow_t shadows[CLOUD_SHADOWS];
    int count;
    char late_topic[CLOUD_LATE][BROKER_TOPIC_SIZE];
    char late[CLOUD_LATE][BROKER_MESSAGE_SIZE];
    int late_count;
} cloud_t;

/* Takes over the shadows of the broker's thing. */
void cloud_init(cloud_t *cloud, broker_t *broker, uint64_t seed);

/* A shadow by its name ("": the classic one); it need not exist for the service. */
cloud_shadow_t *cloud_shadow(cloud_t *cloud, const char *name);

/* What an application in the cloud does: an update, or a deletion, by its text. */
void cloud_update(cloud_t *cloud, const char *name, const char *json);
void cloud_delete(cloud_t *cloud, const char *name);

/* Lets go of what is late. */
void cloud_release(cloud_t *cloud);

/* The JSON value of a member, or NULL. */
const char *cloud_member(const cloud_section_t *section, const char *name);

/* Whether desired and reported differ. */
int cloud_differs(const cloud_shadow_t *shadow);

unsigned cloud_roll(cloud_t *cloud, unsigned sides);

#endif
