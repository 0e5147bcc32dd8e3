/* Oniguruma's UTF-8 with the character classes and case folding of heed's own tables (unicode_sets.bin, unicode_data.h),
 * so that a regular expression means the same with any version of the library: that of tokenizers 0.23, Unicode 16. */
#ifndef HD_TEXT_PATTERN_CHARACTERS_H
#define HD_TEXT_PATTERN_CHARACTERS_H

#include "base/context.h"

#include <oniguruma.h>

OnigEncoding hd_pattern_encoding(void);

/* While a thread compiles an expression, sets that it names are read into memory of the context. `clusters`: also the
 * names that hd_pattern_open writes for \X. */
void hd_pattern_characters_begin(heed_context *context, bool clusters);
void hd_pattern_characters_end(void);

/* Sets `bit` in codes[c - start] for each member c of a set in [start, start + count). `name` is that of a property in
 * lower case ("letter"). */
void hd_pattern_mark_set(const char *name, uint8_t bit, uint32_t start, uint32_t count, uint8_t *codes);

#endif
