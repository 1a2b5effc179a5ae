#include <stdio.h>
#define LOG_LEVEL_INF 3
#define LOG_MODULE_REGISTER(name, level) struct log_module_##name
#define LOG_AT_(level, ...) (printf(level ": " __VA_ARGS__), printf("\n"), fflush(stdout))
#define LOG_ERR(...) LOG_AT_("error", __VA_ARGS__)
#define LOG_WRN(...) LOG_AT_("warning", __VA_ARGS__)
#define LOG_INF(...) LOG_AT_("info", __VA_ARGS__)
