/* Zephyr's test framework: tests register themselves and run in any order. */
#include <stdio.h>

void stub_test(const char *name, void (*test)(void));
void stub_fail(const char *file, int line, const char *what);

#define ZTEST_SUITE(name, predicate, setup, before, after, teardown) struct suite_##name
#define ZTEST(suite, name)                                                        \
    static void name(void);                                                       \
    __attribute__((constructor)) static void register_##name(void)                \
    {                                                                             \
        stub_test(#name, name);                                                   \
    }                                                                             \
    static void name(void)
#define zassert_true(condition, ...)                        \
    do {                                                    \
        if (!(condition)) {                                 \
            printf(__VA_ARGS__);                            \
            stub_fail(__FILE__, __LINE__, #condition);      \
        }                                                   \
    } while (0)
#define zassert_equal(a, b, ...) zassert_true((a) == (b), __VA_ARGS__)
