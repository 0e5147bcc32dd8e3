#include "text/json_text.h"

#include <string.h>

#include "base/buffer.h"
#include "text/unicode.h"

json_t *hd_json_text(heed_context *context, const char *text) {
    hd_buffer sound;
    hd_buffer_open(&sound, context);
    uint32_t code;
    char bytes[4];
    for (size_t at = 0, size = strlen(text); at < size;) {
        at += hd_utf8_decode(text + at, size - at, &code);
        hd_buffer_append(&sound, bytes, hd_utf8_encode(code, bytes));
    }
    json_t *string = sound.failed ? NULL : json_stringn(sound.size ? sound.data : "", sound.size);
    hd_buffer_close(&sound);
    return string;
}
