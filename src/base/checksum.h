/* A 64-bit checksum of bytes that come in any pieces. It finds damage, not forgery: each step is a bijection of the
 * state, so that any change within one word of 8 bytes changes the result. */
#ifndef HD_BASE_CHECKSUM_H
#define HD_BASE_CHECKSUM_H

#include <stddef.h>
#include <stdint.h>

typedef struct hd_checksum {
    uint64_t state;
    uint64_t word; /* the first `bytes` % 8 bytes of the next word, the first one lowest */
    uint64_t bytes;
} hd_checksum;

static inline uint64_t hd_checksum_step(uint64_t state, uint64_t word) {
    state = (state ^ word) * 0x9e3779b97f4a7c15u;
    return state ^ state >> 32;
}

/* `data` may be NULL where there are no bytes. */
static inline void hd_checksum_add(hd_checksum *sum, const void *data, size_t size) {
    const unsigned char *bytes = data;
    for (size_t at = 0; at < size;) {
        if (sum->bytes % 8 == 0 && size - at >= 8) {
            uint64_t word = 0;
            for (int i = 0; i < 8; i++) word |= (uint64_t)bytes[at + (size_t)i] << (8 * i); /* one load */
            sum->state = hd_checksum_step(sum->state, word);
            sum->bytes += 8;
            at += 8;
            continue;
        }
        sum->word |= (uint64_t)bytes[at++] << (8 * (sum->bytes++ % 8));
        if (sum->bytes % 8) continue;
        sum->state = hd_checksum_step(sum->state, sum->word);
        sum->word = 0;
    }
}

/* Of all bytes so far; their number counts too. */
static inline uint64_t hd_checksum_value(const hd_checksum *sum) {
    return hd_checksum_step(hd_checksum_step(sum->state, sum->word), sum->bytes);
}

static inline uint64_t hd_checksum_of(const void *data, size_t size) {
    hd_checksum sum = {0};
    hd_checksum_add(&sum, data, size);
    return hd_checksum_value(&sum);
}

#endif
