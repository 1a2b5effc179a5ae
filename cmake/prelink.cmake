# Makes the archive that a C project wants of the one that cargo made: one object, of which only
# iot_thing_* is visible.
#
# cargo's archive also defines memcpy and its like, the entry point for panics and whatever the
# Rust libraries inside name globally: it would replace the firmware's own, and clash with another
# Rust library. It is also 5 MB large, with compiler intermediate code that confuses older nm and ar.
#
# cmake -DCOMPILER= -DFLAGS= -DOBJCOPY= -DAR= -DREADELF= -DFROM= -DTO= -P prelink.cmake
cmake_minimum_required(VERSION 3.20)

function(run)
    execute_process(COMMAND ${ARGV} RESULT_VARIABLE failed)
    if(failed)
        list(JOIN ARGV " " words)
        message(FATAL_ERROR "iot_thing: failed: ${words}\nIOT_THING_PRELINK=OFF links cargo's "
            "archive as it is.")
    endif()
endfunction()

# What is kept: the functions and objects of the API, the only ones with such plain names.
execute_process(COMMAND "${READELF}" --wide --symbols "${FROM}"
    OUTPUT_VARIABLE symbols ERROR_QUIET RESULT_VARIABLE failed)
string(REGEX MATCHALL "GLOBAL +DEFAULT +[0-9]+ iot_thing_[a-z0-9_]+" symbols "${symbols}")
if(NOT symbols)
    message(FATAL_ERROR "iot_thing: ${READELF} finds no functions of the API in ${FROM}.\n"
        "IOT_THING_PRELINK=OFF links cargo's archive as it is.")
endif()
list(TRANSFORM symbols REPLACE ".* " "-Wl,-u," OUTPUT_VARIABLE keep)

cmake_path(GET TO PARENT_PATH directory)
file(MAKE_DIRECTORY "${directory}")
set(object "${directory}/iot_thing.o")
run("${COMPILER}" ${FLAGS} -nostdlib -r -Wl,--gc-sections ${keep} -o "${object}" "${FROM}")
run("${OBJCOPY}" --wildcard "--keep-global-symbol=iot_thing_*"
    --remove-section=.llvmbc --remove-section=.llvmcmd "${object}")
file(REMOVE "${TO}")
run("${AR}" rcsD "${TO}" "${object}")
file(REMOVE "${object}")
