# A file becomes an array of the library: NAME and NAME_size.
#
#   heed_embed(TARGET FILE NAME [PART ...])
#
# A PART is a file beside FILE; where FILE has its name in double braces, {{style.css}}, stands its content instead.
#
# Run as a script at build time, with INPUT, OUTPUT, NAME and PARTS, this file writes the C source.
if(CMAKE_SCRIPT_MODE_FILE)
  file(READ ${INPUT} bytes HEX)
  get_filename_component(folder ${INPUT} DIRECTORY)
  string(REPLACE "," ";" PARTS "${PARTS}")
  foreach(part ${PARTS})
    string(HEX "{{${part}}}" place)
    file(READ ${folder}/${part} content HEX)
    string(FIND "${bytes}" "${place}" at)
    if(at EQUAL -1)
      message(FATAL_ERROR "${INPUT} has no {{${part}}}")
    endif()
    string(REPLACE "${place}" "${content}" bytes "${bytes}")
  endforeach()
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
  get_filename_component(folder ${file} DIRECTORY)
  list(TRANSFORM ARGN PREPEND ${folder}/ OUTPUT_VARIABLE parts)
  list(JOIN ARGN "," names)
  add_custom_command(OUTPUT ${output} DEPENDS ${file} ${parts} ${HEED_EMBED_SCRIPT}
                     COMMAND ${CMAKE_COMMAND} -DINPUT=${file} -DOUTPUT=${output} -DNAME=${name} -DPARTS=${names}
                             -P ${HEED_EMBED_SCRIPT})
  target_sources(${target} PRIVATE ${output})
endfunction()
