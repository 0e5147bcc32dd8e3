#include "text/jinja/case.h"

#include "base/utf8.h"
#include "text/jinja/characters.h"

static bool is_cased(uint32_t code) {
    return hd_jinja_is_lower(code) || hd_jinja_is_upper(code) || hd_jinja_is_title(code);
}

/* A sigma at the end of a word: after a cased letter, before none. */
static bool is_final_sigma(const char *text, size_t size, size_t at, bool after_cased) {
    uint32_t next;
    size_t bytes = 2; /* of the sigma itself */
    if (!after_cased) return false;
    while (at + bytes < size) {
        bytes += hd_utf8_decode(text + at + bytes, size - at - bytes, &next);
        if (is_cased(next)) return false;
        if (next != '\'' && next != '.' && next != ':' && next != 0xAD && next != 0x2019) return true;
    }
    return true;
}

static size_t map_one(uint32_t code, hd_jinja_case how, bool first, bool after_cased, uint32_t out[HD_JINJA_MAPPED]) {
    switch (how) {
        case HD_JINJA_UPPER:
            return hd_jinja_upper(code, out);
        case HD_JINJA_CASEFOLD:
            return hd_jinja_fold(code, out);
        case HD_JINJA_TITLE:
            return after_cased ? hd_jinja_lower(code, out) : hd_jinja_title(code, out);
        case HD_JINJA_CAPITALIZE:
            return first ? hd_jinja_title(code, out) : hd_jinja_lower(code, out);
        case HD_JINJA_SWAPCASE:
            if (hd_jinja_is_upper(code)) return hd_jinja_lower(code, out);
            if (hd_jinja_is_lower(code)) return hd_jinja_upper(code, out);
            out[0] = code;
            return 1;
        default:
            return hd_jinja_lower(code, out);
    }
}

hd_jinja_value hd_jinja_map_case(hd_jinja *j, hd_jinja_value text, hd_jinja_case how) {
    hd_buffer out;
    bool after_cased = false;
    if (j->failed || !hd_jinja_step(j, text.size)) return hd_jinja_missing();
    hd_buffer_open(&out, j->context);
    for (size_t at = 0, bytes; at < text.size; at += bytes) {
        uint32_t code, mapped[HD_JINJA_MAPPED];
        char utf8[4];
        bytes = hd_utf8_decode(text.as.text + at, text.size - at, &code);
        size_t count = map_one(code, how, at == 0, after_cased, mapped);
        bool lowers = code == 0x3A3 && mapped[0] == 0x3C3 && how != HD_JINJA_CASEFOLD;
        if (lowers && is_final_sigma(text.as.text, text.size, at, after_cased)) mapped[0] = 0x3C2;
        for (size_t i = 0; i < count; i++) hd_buffer_append(&out, utf8, hd_utf8_encode(mapped[i], utf8));
        after_cased = is_cased(code);
    }
    hd_jinja_value v = hd_jinja_take(j, &out);
    v.markup = text.markup;
    return v;
}

/* ---- classes ---- */

static bool belongs(uint32_t code, hd_jinja_class which, bool first) {
    switch (which) {
        case HD_JINJA_ALNUM:
            return hd_jinja_is_alpha(code) || hd_jinja_is_numeric(code) || hd_jinja_is_digit(code);
        case HD_JINJA_ALPHA:
            return hd_jinja_is_alpha(code);
        case HD_JINJA_ASCII:
            return code < 0x80;
        case HD_JINJA_DECIMAL:
            return hd_jinja_is_decimal(code);
        case HD_JINJA_DIGIT:
            return hd_jinja_is_digit(code);
        case HD_JINJA_IDENTIFIER:
            return first ? hd_jinja_is_name_start(code) : hd_jinja_is_name(code);
        case HD_JINJA_NUMERIC:
            return hd_jinja_is_numeric(code) || hd_jinja_is_digit(code);
        case HD_JINJA_PRINTABLE:
            return hd_jinja_is_printable(code);
        default:
            return hd_jinja_is_space(code);
    }
}

/* Every cased character is of the right case, and there is one. */
static bool has_case(hd_jinja_value text, hd_jinja_class which) {
    bool any = false, after_cased = false;
    for (size_t at = 0; at < text.size;) {
        uint32_t code;
        at += hd_utf8_decode(text.as.text + at, text.size - at, &code);
        bool upper = hd_jinja_is_upper(code), title = hd_jinja_is_title(code), lower = hd_jinja_is_lower(code);
        if (which == HD_JINJA_IS_LOWER && (upper || title)) return false;
        if (which == HD_JINJA_IS_UPPER && (lower || title)) return false;
        if (which == HD_JINJA_IS_TITLE && (((upper || title) && after_cased) || (lower && !after_cased))) return false;
        after_cased = upper || title || lower;
        any |= which == HD_JINJA_IS_LOWER ? lower : which == HD_JINJA_IS_UPPER ? upper : after_cased;
    }
    return any;
}

bool hd_jinja_has_class(hd_jinja_value text, hd_jinja_class which) {
    if (which == HD_JINJA_IS_LOWER || which == HD_JINJA_IS_UPPER || which == HD_JINJA_IS_TITLE)
        return has_case(text, which);
    for (size_t at = 0, bytes; at < text.size; at += bytes) {
        uint32_t code;
        bytes = hd_utf8_decode(text.as.text + at, text.size - at, &code);
        if (!belongs(code, which, at == 0)) return false;
    }
    return text.size > 0 || which == HD_JINJA_ASCII || which == HD_JINJA_PRINTABLE;
}
