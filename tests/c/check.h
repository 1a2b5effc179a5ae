/*
 * Checks for the C tests: CHECK(condition) counts, and tells where it failed; the program goes
 * on. One test program is one translation unit plus the simulated world.
 */
#ifndef CHECK_H
#define CHECK_H

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static unsigned long check_count;
static unsigned long check_failures;
static char check_context_text[160];

/* Says in which round of a loop a failure happened. "" outside of loops. */
#if defined(__GNUC__)
__attribute__((format(printf, 1, 2), unused))
#endif
static void check_context(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(check_context_text, sizeof check_context_text, format, arguments);
    va_end(arguments);
}

static int check_one(int ok, const char *text, const char *file, int line)
{
    check_count++;
    if (ok) {
        return 1;
    }
    /* The first failures tell the story; thousands of them hide it. */
    if (check_failures++ < 50) {
        fprintf(stderr, "%s:%d: failed: %s%s%s\n", file, line, text,
                check_context_text[0] ? "  in: " : "", check_context_text);
    }
    return 0;
}

#define CHECK(condition) check_one((condition) ? 1 : 0, #condition, __FILE__, __LINE__)

/* Compares two integers and shows both when they differ. */
static int check_equal(long long actual, long long expected, const char *text, const char *file,
                       int line)
{
    char shown[200];
    if (actual == expected) {
        return check_one(1, text, file, line);
    }
    snprintf(shown, sizeof shown, "%.120s is %lld, not %lld", text, actual, expected);
    return check_one(0, shown, file, line);
}

#define CHECK_EQ(actual, expected) \
    check_equal((long long)(actual), (long long)(expected), #actual, __FILE__, __LINE__)

/*
 * Runs one test function, unless the command line names others, or this one with a minus:
 * program [test...] or program [-test...].
 */
#define RUN(test) \
    do { \
        if (check_wanted(argc, argv, #test)) { \
            unsigned long before_ = check_failures; \
            check_context("%s", ""); \
            test(); \
            check_context("%s", ""); \
            printf("%s %s\n", check_failures == before_ ? "ok  " : "FAIL", #test); \
            fflush(stdout); \
        } \
    } while (0)

static int check_wanted(int argc, char **argv, const char *name)
{
    int named = 0;
    for (int i = 1; i < argc; i++) {
        if (argv[i][0] == '-' && strcmp(argv[i] + 1, name) == 0) {
            return 0;
        }
        if (strcmp(argv[i], name) == 0) {
            return 1;
        }
        named += argv[i][0] != '-';
    }
    return named == 0;
}

/* The last line of a test program, and its exit code. A program that checked nothing fails. */
static int check_report(const char *program)
{
    printf("%s: %lu checks, %lu failed\n", program, check_count, check_failures);
    (void)check_equal;
    return check_failures == 0 && check_count > 0 ? 0 : 1;
}

#endif
