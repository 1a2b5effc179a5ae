/*
 * A stand-in for Zephyr's kernel, as far as the port of iot_thing, its test and its sample use it:
 * enough to compile and to run them on this machine. Written from Zephyr's documentation; that it
 * fits the real one can only be seen with the real one.
 */
#ifndef STUB_ZEPHYR_KERNEL_H
#define STUB_ZEPHYR_KERNEL_H

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/types.h>

#define ARG_UNUSED(x) (void)(x)
#define ARRAY_SIZE(array) (sizeof(array) / sizeof((array)[0]))
#define MIN(a, b) ((a) < (b) ? (a) : (b))
#define __aligned(n) __attribute__((aligned(n)))

typedef struct {
    int64_t ms; /* -1: for ever */
} k_timeout_t;
#define K_MSEC(n) ((k_timeout_t){(n)})
#define K_SECONDS(n) ((k_timeout_t){(n) * 1000})
#define K_NO_WAIT ((k_timeout_t){0})
#define K_FOREVER ((k_timeout_t){-1})

int64_t k_uptime_get(void);
int32_t k_sleep(k_timeout_t timeout);
void k_panic(void);
unsigned int irq_lock(void);
void irq_unlock(unsigned int key);

struct k_sem {
    unsigned int count, limit;
};
#define K_SEM_DEFINE(name, initial, most) struct k_sem name = {initial, most}
void k_sem_give(struct k_sem *sem);
int k_sem_take(struct k_sem *sem, k_timeout_t timeout);

struct k_mutex {
    int depth;
};
#define K_MUTEX_DEFINE(name) struct k_mutex name = {0}
int k_mutex_lock(struct k_mutex *mutex, k_timeout_t timeout);
int k_mutex_unlock(struct k_mutex *mutex);

typedef char k_thread_stack_t;
#define K_THREAD_STACK_DEFINE(name, size) k_thread_stack_t name[size]
#define K_THREAD_STACK_SIZEOF(name) sizeof(name)
#define K_LOWEST_APPLICATION_THREAD_PRIO 14

struct k_work;
typedef void (*k_work_handler_t)(struct k_work *work);
struct k_work {
    k_work_handler_t handler;
};
struct k_work_q {
    struct k_work *pending;
};
struct k_work_queue_config;
void k_work_init(struct k_work *work, k_work_handler_t handler);
void k_work_queue_init(struct k_work_q *queue);
void k_work_queue_start(struct k_work_q *queue, k_thread_stack_t *stack, size_t stack_size,
                        int priority, const struct k_work_queue_config *config);
int k_work_submit_to_queue(struct k_work_q *queue, struct k_work *work);

#endif
