# Writes the files of the credentials into a C file: NAME=PATH pairs in FILES.
#
# cmake -DFILES="name=path;..." -DTO=credentials.c -P embed.cmake
set(text "#include \"credentials.h\"\n")
foreach(pair ${FILES})
    string(REGEX MATCH "^([a-z_]+)=(.*)$" pair "${pair}")
    set(name "${CMAKE_MATCH_1}")
    file(READ "${CMAKE_MATCH_2}" hex HEX)
    string(REGEX REPLACE "(..)" "0x\\1," bytes "${hex}")
    string(APPEND text "const uint8_t ${name}[] = {${bytes}};\n"
        "const size_t ${name}_len = sizeof ${name};\n")
endforeach()
file(WRITE "${TO}" "${text}")
