# MicroPython's make: the C module _iot_thing. IOT_THING_ARCHIVE is the library, made by cargo or
# CMake; c_examples/micropython/build shows how.
ifeq ($(wildcard $(IOT_THING_ARCHIVE)),)
$(error set IOT_THING_ARCHIVE to libiot_thing.a)
endif
IOT_THING_MOD_DIR := $(USERMOD_DIR)
IOT_THING_ROOT := $(USERMOD_DIR)/../../..

SRC_USERMOD_C += $(IOT_THING_MOD_DIR)/modiot_thing.c
# The POSIX port by its own compilation unit here, because make wants sources below the module.
SRC_USERMOD_LIB_C += $(IOT_THING_MOD_DIR)/port_posix.c
CFLAGS_USERMOD += -I$(IOT_THING_ROOT)/include -I$(IOT_THING_ROOT)/c_examples/ports/posix
# libm first: the archive holds Rust's own versions of some of its functions.
LDFLAGS_USERMOD += -lm $(IOT_THING_ARCHIVE)
