# A file becomes an array of the library: NAME and NAME_size.
#
#   heed_embed(TARGET FILE NAME)
#
# Run as a script at build time, with INPUT, OUTPUT and NAME, this file writes the C source.
if(CMAKE_SCRIPT_MODE_FILE)
  file(READ ${INPUT} bytes HEX)
  string(LENGTH "${bytes}" digits)
  math(EXPR size "${digits} / 2")
  string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," bytes "${bytes}")
  string(REGEX REPLACE "((0x..,)(0x..,)(0x..,)(0x..,)(0x..,)(0x..,)(0x..,)(0x..,))" "\\1\n" bytes "${bytes}")
  file(WRITE ${OUTPUT} "#include <stddef.h>
extern const unsigned char ${NAME}[];
extern const size_t ${NAME}_size;
const unsigned char ${NAME}[] = {\n${bytes}};
const size_t ${NAME}_size = ${size};
")
  return()
endif()

set(HEED_EMBED_SCRIPT ${CMAKE_CURRENT_LIST_FILE})
function(heed_embed target file name)
  set(output ${PROJECT_BINARY_DIR}/${name}.c)
  add_custom_command(OUTPUT ${output} DEPENDS ${file} ${HEED_EMBED_SCRIPT}
                     COMMAND ${CMAKE_COMMAND} -DINPUT=${file} -DOUTPUT=${output} -DNAME=${name} -P ${HEED_EMBED_SCRIPT})
  target_sources(${target} PRIVATE ${output})
endfunction()
