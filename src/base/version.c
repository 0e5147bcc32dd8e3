#include "base/context.h"

#define PCRE2_CODE_UNIT_WIDTH 32
#include <jansson.h>
#include <pcre2.h>
#include <utf8proc.h>

#define AS_TEXT(number) #number
#define TEXT_OF(number) AS_TEXT(number)

#ifdef HEED_PLAIN_THREADS
#define THREADS "threads pthreads"
#else
#define THREADS "threads OpenMP"
#endif

#define UTF8PROC \
    "utf8proc " TEXT_OF(UTF8PROC_VERSION_MAJOR) "." TEXT_OF(UTF8PROC_VERSION_MINOR) "." TEXT_OF(UTF8PROC_VERSION_PATCH)

#define PCRE2 "PCRE2 " TEXT_OF(PCRE2_MAJOR) "." TEXT_OF(PCRE2_MINOR)

const char *heed_version(void) {
    return "heed " HEED_VERSION " (" THREADS ", Jansson " JANSSON_VERSION ", " UTF8PROC ", " PCRE2 ")";
}
