/* The vocabulary: token text ↔ id. Ids run from 0 to count - 1; some may be unused (holes in a file), and several texts
 * of a damaged file may have one id. */
#ifndef HD_TEXT_VOCABULARY_H
#define HD_TEXT_VOCABULARY_H

#include "base/buffer.h"

/* Ids are below this: a file with larger ones is refused before memory is allocated. The largest published vocabularies
 * have about a million tokens. */
enum { HD_VOCABULARY_LIMIT = 1 << 21 };

typedef struct hd_token {
    size_t offset; /* of the text in the pool */
    size_t shown;  /* of the decoded text; differs only for added tokens that a normalizer changes */
    uint32_t size, shown_size;
    bool present;   /* false for an unused id */
    bool model;     /* part of the model; false for an added token */
    uint32_t added; /* 1 + its index in the list of added tokens; 0 if it is not one */
    bool special;   /* an added token that is marked so */
    bool skipped;   /* left out of decoded text without special tokens; set by hd_tokenizer_finish */
} hd_token;

/* A text and its id. */
typedef struct hd_entry {
    size_t offset; /* in the pool */
    uint32_t size;
    int32_t id;
    bool model; /* false for an added token */
} hd_entry;

typedef struct hd_vocabulary {
    heed_context *context;
    hd_buffer pool;
    hd_token *tokens; /* [count] */
    size_t count, capacity;
    hd_entry *entries; /* [present] */
    size_t present, entry_capacity;
    size_t model_size; /* entries of the model */
    struct hd_vocabulary_slot {
        int32_t entry; /* -1 where empty */
        uint32_t hash; /* the upper half of its text's */
    } * table;         /* [slots]: entries by the hash of their text */
    size_t slots;      /* a power of two */
} hd_vocabulary;

void hd_vocabulary_open(hd_vocabulary *vocabulary, heed_context *context);
void hd_vocabulary_close(hd_vocabulary *vocabulary);
/* HEED_FORMAT when the id is out of range, or the text is already a token. An id in use keeps its text, but an added
 * token takes it over from one of the model, which can still be found. */
heed_status hd_vocabulary_add(hd_vocabulary *vocabulary, const char *text, size_t size, int64_t id, bool model);
/* The same for a model that lists a text twice: its id is the later one, and the earlier one keeps its text. */
heed_status hd_vocabulary_add_again(hd_vocabulary *vocabulary, const char *text, size_t size, int64_t id);
/* The id, or -1. */
int32_t hd_vocabulary_find(const hd_vocabulary *vocabulary, const char *text, size_t size);
/* The same for tokens of the model, without added ones. */
int32_t hd_vocabulary_find_model(const hd_vocabulary *vocabulary, const char *text, size_t size);
/* 1 + the index in `entries` of a token of the model, or 0. */
int32_t hd_vocabulary_find_entry(const hd_vocabulary *vocabulary, const char *text, size_t size);
/* hd_vocabulary_find_model with the hash of the text: hashes of all its prefixes can be computed in one pass. */
int32_t hd_vocabulary_find_hashed(const hd_vocabulary *vocabulary, const char *text, size_t size, uint64_t hash);
#define HD_HASH_OF_NOTHING 0xcbf29ce484222325ull /* FNV-1a */
static inline uint64_t hd_hash_byte(uint64_t hash, char byte) { return (hash ^ (uint8_t)byte) * 0x100000001b3ull; }
/* The bytes of a token that is present; valid until the next add. */
static inline const char *hd_vocabulary_text(const hd_vocabulary *vocabulary, int32_t id) {
    return vocabulary->pool.data + vocabulary->tokens[id].offset;
}
/* Sets the decoded text of a token. */
heed_status hd_vocabulary_set_decoded(hd_vocabulary *vocabulary, int32_t id, const char *text, size_t size);
static inline bool hd_vocabulary_has(const hd_vocabulary *vocabulary, int64_t id) {
    return id >= 0 && (size_t)id < vocabulary->count && vocabulary->tokens[id].present;
}

/* HEED_FORMAT: a text needs the unknown token, which its vocabulary lacks. */
static inline heed_status hd_vocabulary_missing(heed_context *context, const char *unknown) {
    return hd_fail(context, HEED_FORMAT, "the unk_token \"%.100s\" of the model is not in its vocabulary", unknown);
}

/* Mixes 64 bits, for this module's hash tables (the finalizer of MurmurHash3). */
static inline uint64_t hd_mix(uint64_t x) {
    x ^= x >> 33;
    x *= 0xff51afd7ed558ccdull;
    x ^= x >> 33;
    x *= 0xc4ceb9fe1a85ec53ull;
    return x ^ x >> 33;
}

#endif
