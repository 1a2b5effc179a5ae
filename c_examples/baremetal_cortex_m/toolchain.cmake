# The toolchain file of a project for a Cortex-M, as everybody has one:
#     cmake --toolchain toolchain.cmake -DCPU=cortex-m3 ...
# The library reads from these flags which Rust target it has to be built for.
set(CMAKE_SYSTEM_NAME Generic)
set(CMAKE_SYSTEM_PROCESSOR arm)
set(CMAKE_C_COMPILER arm-none-eabi-gcc)
set(CMAKE_TRY_COMPILE_TARGET_TYPE STATIC_LIBRARY)

set(CPU cortex-m4 CACHE STRING "cortex-m4 (with its floating point unit) or cortex-m3")
list(APPEND CMAKE_TRY_COMPILE_PLATFORM_VARIABLES CPU)
set(CMAKE_C_FLAGS_INIT "-mcpu=${CPU} -mthumb")
if(CPU STREQUAL cortex-m4)
    string(APPEND CMAKE_C_FLAGS_INIT " -mfloat-abi=hard -mfpu=fpv4-sp-d16")
endif()
string(APPEND CMAKE_C_FLAGS_INIT " -Os -ffunction-sections -fdata-sections --specs=nano.specs")
