# add_credentials(TO DIRECTORY): a C file with the credentials in DIRECTORY (device.pem, device.key,
# root.pem) as the arrays of credentials.h.
function(add_credentials to directory)
    set(files client_cert=device.pem private_key=device.key ca_certs=root.pem)
    list(TRANSFORM files REPLACE "=" "=${directory}/")
    set(depends ${files})
    list(TRANSFORM depends REPLACE "^[a-z_]+=" "")
    set(script "${CMAKE_CURRENT_FUNCTION_LIST_DIR}/embed.cmake")
    add_custom_command(OUTPUT ${to}
        COMMAND "${CMAKE_COMMAND}" "-DFILES=${files}" -DTO=${to} -P "${script}"
        DEPENDS "${script}" ${depends} VERBATIM)
endfunction()
