# How the project's own C code is compiled: C99, every warning an error, sanitizers when asked.
function(iot_thing_strict target)
    target_compile_options(${target} PRIVATE
        -Wall -Wextra -Wpedantic -Wconversion -Wshadow -Werror)
    set_target_properties(${target} PROPERTIES
        C_STANDARD 99 C_STANDARD_REQUIRED ON C_EXTENSIONS OFF)
    if(IOT_THING_SANITIZE)
        target_compile_options(${target} PRIVATE
            -fsanitize=${IOT_THING_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer -g)
        target_link_options(${target} PUBLIC -fsanitize=${IOT_THING_SANITIZE})
    endif()
endfunction()
