#include "base/version.h"

#include "base/context.h"

#define PCRE2_CODE_UNIT_WIDTH 32
#include <jansson.h>
#include <pcre2.h>
#include <utf8proc.h>

#define UTF8PROC                                                                                          \
    "utf8proc " HD_TEXT_OF(UTF8PROC_VERSION_MAJOR) "." HD_TEXT_OF(UTF8PROC_VERSION_MINOR) "." HD_TEXT_OF( \
        UTF8PROC_VERSION_PATCH)

#define PCRE2 "PCRE2 " HD_TEXT_OF(PCRE2_MAJOR) "." HD_TEXT_OF(PCRE2_MINOR)

const char *heed_version(void) {
    return "heed " HEED_VERSION " (bit epoch " HD_TEXT_OF(HD_BIT_EPOCH) ", Jansson " JANSSON_VERSION ", " UTF8PROC
                                                                        ", " PCRE2 ")";
}
