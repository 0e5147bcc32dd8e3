function(heed_warnings target)
  target_compile_options(${target} PRIVATE -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wno-sign-conversion
                                           -Wstrict-prototypes -Wmissing-prototypes -Wno-overlength-strings
                                           -Wno-missing-field-initializers)
endfunction()
