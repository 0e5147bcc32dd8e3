#include "base/version.h"

#include "base/context.h"

#include <jansson.h>
#include <oniguruma.h>
#include <utf8proc.h>

#define UTF8PROC                                                                                          \
    "utf8proc " HD_TEXT_OF(UTF8PROC_VERSION_MAJOR) "." HD_TEXT_OF(UTF8PROC_VERSION_MINOR) "." HD_TEXT_OF( \
        UTF8PROC_VERSION_PATCH)

#define ONIGURUMA_NAMED                                                                                      \
    "Oniguruma " HD_TEXT_OF(ONIGURUMA_VERSION_MAJOR) "." HD_TEXT_OF(ONIGURUMA_VERSION_MINOR) "." HD_TEXT_OF( \
        ONIGURUMA_VERSION_TEENY)

const char *heed_version(void) {
    return "heed " HEED_VERSION " (bit epoch " HD_TEXT_OF(HD_BIT_EPOCH) ", Jansson " JANSSON_VERSION ", " UTF8PROC
                                                                        ", " ONIGURUMA_NAMED ")";
}
