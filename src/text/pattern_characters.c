#include "text/pattern_characters.h"

#include "text/unicode.h"

#include <pthread.h>
#include <string.h>

/* ---- sets of characters ----------------------------------------------------------------------------------------- */

/* scripts/unicode-tables describes the format. */
extern const unsigned char hd_unicode_sets[];

/* A set in Oniguruma's form: the number of ranges, then the first and the last character of each. */
typedef struct loaded_set {
    struct loaded_set *next;
    OnigCtype number;
    OnigCodePoint ranges[];
} loaded_set;

static _Thread_local struct {
    heed_context *context;
    loaded_set *sets;
    bool clusters;
} compiling;

void hd_pattern_characters_begin(heed_context *context, bool clusters) {
    compiling.context = context;
    compiling.sets = NULL;
    compiling.clusters = clusters;
}

void hd_pattern_characters_end(void) {
    for (loaded_set *next; compiling.sets; compiling.sets = next) {
        next = compiling.sets->next;
        hd_free(compiling.context, compiling.sets);
    }
    compiling.context = NULL;
}

static unsigned two_bytes(const unsigned char *at) { return at[0] | (unsigned)at[1] << 8; }

/* The number of the set with this name, or -1; `names_end`, if not NULL, is where the list of names ends. */
static int find_name(const char *name, const unsigned char **names_end) {
    const unsigned char *at = hd_unicode_sets;
    while (*at) {
        size_t size = strlen((const char *)at) + 1;
        if (name && strcmp((const char *)at, name) == 0) return (int)two_bytes(at + size);
        at += size + 2;
    }
    if (names_end) *names_end = at + 1;
    return -1;
}

/* The encoded limits of a set, and their size. */
static const unsigned char *find_set(OnigCtype number, size_t *size) {
    const unsigned char *at;
    find_name(NULL, &at);
    while (number--) at += 2 + two_bytes(at);
    *size = two_bytes(at);
    return at + 2;
}

static uint32_t next_limit(const unsigned char **at, uint32_t last) {
    uint32_t difference = 0;
    for (int shift = 0;; shift += 7) {
        difference |= (uint32_t)(**at & 127) << shift;
        if (!(*(*at)++ & 128)) return last + difference;
    }
}

static const OnigCodePoint *load_set(OnigCtype number) {
    for (const loaded_set *it = compiling.sets; it; it = it->next)
        if (it->number == number) return it->ranges;
    size_t size;
    const unsigned char *at = find_set(number, &size), *end = at + size;
    loaded_set *set = hd_alloc(compiling.context, 1, sizeof *set + (size + 1) * sizeof *set->ranges);
    if (!set) return NULL;
    OnigCodePoint count = 0;
    for (uint32_t limit = 0; at < end; count++) {
        set->ranges[1 + 2 * count] = limit = next_limit(&at, limit);
        limit = next_limit(&at, limit);
        set->ranges[2 + 2 * count] = limit - 1;
    }
    set->ranges[0] = count;
    set->number = number;
    set->next = compiling.sets;
    compiling.sets = set;
    return set->ranges;
}

static int is_code_ctype(OnigCodePoint code, OnigCtype number) {
    if (number == ONIGENC_CTYPE_WORD) return hd_is_pattern_word(code);
    size_t size;
    const unsigned char *at = find_set(number, &size), *end = at + size;
    bool in = false;
    for (uint32_t limit = 0; at < end; in = !in) {
        limit = next_limit(&at, limit);
        if (code < limit) return in;
    }
    return in;
}

void hd_pattern_mark_set(const char *name, uint8_t bit, uint32_t start, uint32_t count, uint8_t *codes) {
    int number = find_name(name, NULL);
    if (number < 0) return;
    size_t size;
    const unsigned char *at = find_set((OnigCtype)number, &size), *end = at + size;
    for (uint32_t limit = 0; at < end;) {
        uint32_t first = limit = next_limit(&at, limit);
        limit = next_limit(&at, limit);
        for (uint32_t code = first > start ? first : start; code < limit && code - start < count; code++)
            codes[code - start] |= bit;
    }
}

static int get_ctype_code_range(OnigCtype number, OnigCodePoint *single_bytes, const OnigCodePoint *ranges[]) {
    *single_bytes = 0x80;
    *ranges = load_set(number);
    return *ranges ? 0 : ONIGERR_MEMORY;
}

/* Names are compared without spaces, hyphens and underscores; Oniguruma passes them in lower case or not. */
static int property_name_to_ctype(OnigEncoding encoding, OnigUChar *name, OnigUChar *end) {
    char plain[64];
    size_t size = 0;
    (void)encoding;
    for (const OnigUChar *at = name; at < end; at++) {
        if (*at == ' ' || *at == '-' || *at == '_') continue;
        if (*at >= 0x80 || size + 1 == sizeof plain) return ONIGERR_INVALID_CHAR_PROPERTY_NAME;
        plain[size++] = (char)(*at >= 'A' && *at <= 'Z' ? *at + 32 : *at);
    }
    plain[size] = 0;
    bool cluster = size > 7 && memcmp(plain, "cluster", 7) == 0;
    int number = size && (compiling.clusters || !cluster) ? find_name(plain, NULL) : -1;
    return number < 0 ? ONIGERR_INVALID_CHAR_PROPERTY_NAME : number;
}

/* ---- case folding ----------------------------------------------------------------------------------------------- */

/* The most characters that fold to one, and to two or three. */
enum { MOST_UNFOLDS = 8 };

typedef struct alternatives {
    OnigCaseFoldCodeItem *items; /* [ONIGENC_GET_CASE_FOLD_CODES_MAX_NUM] */
    int count;
} alternatives;

static void add_item(alternatives *out, size_t bytes, const uint32_t *codes, int count) {
    if (out->count == ONIGENC_GET_CASE_FOLD_CODES_MAX_NUM) return;
    OnigCaseFoldCodeItem *item = &out->items[out->count++];
    item->byte_len = (int)bytes;
    item->code_len = count;
    for (int i = 0; i < count; i++) item->code[i] = codes[i];
}

static bool ascii_only(OnigCaseFoldType flag, uint32_t code) {
    return (flag & ONIGENC_CASE_FOLD_ASCII_ONLY) && code >= 0x80;
}

static int mbc_case_fold(OnigCaseFoldType flag, const OnigUChar **at, const OnigUChar *end, OnigUChar *to) {
    uint32_t code, fold[3];
    *at += hd_utf8_decode((const char *)*at, (size_t)(end - *at), &code);
    size_t count = 1, size = 0;
    fold[0] = code;
    if (!ascii_only(flag, code)) count = hd_case_fold(code, fold);
    for (size_t i = 0; i < count; i++) size += hd_utf8_encode(fold[i], (char *)to + size);
    return (int)size;
}

typedef struct fold_pairs {
    OnigCaseFoldType flag;
    OnigApplyAllCaseFoldFunc call;
    void *argument;
    int status;
} fold_pairs;

static void report(fold_pairs *it, uint32_t from, uint32_t to) {
    if (it->status || from == to || ascii_only(it->flag, from) || ascii_only(it->flag, to)) return;
    it->status = it->call(from, &to, 1, it->argument);
}

/* Reports a character that folds: to and from its fold, and to the others that have the same fold. */
static void report_pairs(uint32_t code, void *argument) {
    fold_pairs *it = argument;
    uint32_t fold[3], others[MOST_UNFOLDS];
    size_t count = hd_case_fold(code, fold);
    if (count > 1 && !(it->flag & INTERNAL_ONIGENC_CASE_FOLD_MULTI_CHAR)) return;
    if (count == 1) {
        report(it, code, fold[0]);
        report(it, fold[0], code);
    } else if (!it->status && !(it->flag & ONIGENC_CASE_FOLD_ASCII_ONLY)) {
        it->status = it->call(code, fold, (int)count, it->argument);
    }
    size_t other_count = hd_case_unfold(fold, count, others, MOST_UNFOLDS);
    for (size_t i = 0; i < other_count; i++) report(it, code, others[i]);
}

static int apply_all_case_fold(OnigCaseFoldType flag, OnigApplyAllCaseFoldFunc call, void *argument) {
    fold_pairs it = {flag, call, argument, 0};
    hd_case_fold_each(report_pairs, &it);
    return it.status;
}

/* The character itself and all that fold to it. */
static int with_unfolds(uint32_t code, uint32_t out[MOST_UNFOLDS + 1]) {
    out[0] = code;
    return 1 + (int)hd_case_unfold(&code, 1, out + 1, MOST_UNFOLDS);
}

/* All spellings of a fold of two or three characters. */
static void add_spellings(alternatives *out, size_t bytes, const uint32_t *fold, int count) {
    uint32_t spellings[3][MOST_UNFOLDS + 1] = {{0}};
    int counts[3] = {1, 1, 1};
    for (int i = 0; i < count; i++) counts[i] = with_unfolds(fold[i], spellings[i]);
    for (int i = 0; i < counts[0]; i++)
        for (int j = 0; j < counts[1]; j++)
            for (int k = 0; k < counts[2]; k++)
                add_item(out, bytes, (uint32_t[]){spellings[0][i], spellings[1][j], spellings[2][k]}, count);
}

static bool equal(const OnigCodePoint *a, const uint32_t *b, size_t count) {
    for (size_t i = 0; i < count; i++)
        if (a[i] != b[i]) return false;
    return true;
}

/* Leaves out the spelling that is in the pattern already. */
static void drop_item(alternatives *out, const uint32_t *codes, size_t count) {
    int kept = 0;
    for (int i = 0; i < out->count; i++)
        if ((size_t)out->items[i].code_len != count || !equal(out->items[i].code, codes, count))
            out->items[kept++] = out->items[i];
    out->count = kept;
}

static void add_unfolds(alternatives *out, size_t bytes, const uint32_t *fold, size_t count) {
    uint32_t others[MOST_UNFOLDS];
    size_t other_count = hd_case_unfold(fold, count, others, MOST_UNFOLDS);
    for (size_t i = 0; i < other_count; i++) add_item(out, bytes, &others[i], 1);
}

/* All that may stand for `bytes` of the pattern that fold to `fold`. */
static void add_all(alternatives *out, size_t bytes, const uint32_t *fold, size_t count) {
    add_unfolds(out, bytes, fold, count);
    add_spellings(out, bytes, fold, (int)count);
}

/* What may stand for the front of a string of the pattern: its first three or two characters if one character folds to
 * them, else its first. */
static int get_case_fold_codes_by_str(OnigCaseFoldType flag, const OnigUChar *text, const OnigUChar *end,
                                      OnigCaseFoldCodeItem items[]) {
    const bool several = flag & INTERNAL_ONIGENC_CASE_FOLD_MULTI_CHAR;
    alternatives out = {items, 0};
    uint32_t codes[3] = {0}, fold[3], single[3];
    size_t sizes[3] = {0}, count = 0;
    for (size_t at = 0; count < 3 && text + at < end; count++) {
        at += hd_utf8_decode((const char *)text + at, (size_t)(end - text) - at, &codes[count]);
        sizes[count] = at;
        single[count] = hd_case_fold(codes[count], fold) == 1 ? fold[0] : codes[count];
    }
    if (flag & ONIGENC_CASE_FOLD_ASCII_ONLY) {
        uint32_t lower = codes[0] | 32, other = codes[0] ^ 32;
        if (lower >= 'a' && lower <= 'z') add_item(&out, sizes[0], &other, 1);
        return out.count;
    }
    for (size_t length = several ? count : 1; length > 1; length--) {
        if (!hd_case_unfold(single, length, fold, 1)) continue;
        add_all(&out, sizes[length - 1], single, length);
        drop_item(&out, codes, length);
        return out.count;
    }
    size_t length = hd_case_fold(codes[0], fold);
    if (length == 1 || several) add_all(&out, sizes[0], fold, length);
    drop_item(&out, codes, 1);
    return out.count;
}

/* ---- the encoding ----------------------------------------------------------------------------------------------- */

static OnigEncodingType encoding;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void initialize(void) {
    encoding = *ONIG_ENCODING_UTF8;
    encoding.name = "UTF-8 of heed";
    encoding.mbc_case_fold = mbc_case_fold;
    encoding.apply_all_case_fold = apply_all_case_fold;
    encoding.get_case_fold_codes_by_str = get_case_fold_codes_by_str;
    encoding.property_name_to_ctype = property_name_to_ctype;
    encoding.is_code_ctype = is_code_ctype;
    encoding.get_ctype_code_range = get_ctype_code_range;
    OnigEncoding all[] = {&encoding};
    onig_initialize(all, 1);
}

OnigEncoding hd_pattern_encoding(void) {
    pthread_once(&once, initialize);
    return &encoding;
}
