#include "base/random.h"

hd_random_key hd_random_key_make(uint64_t seed, uint32_t purpose, uint64_t step) {
    uint32_t words[4];
    hd_random_key key = {{(uint32_t)seed, (uint32_t)(seed >> 32)}};
    hd_philox(key, purpose, 0x68656564u, step, words); /* "heed" */
    return (hd_random_key){{words[0], words[1]}};
}

hd_random_key hd_random_key_branch(hd_random_key key, uint32_t branch) {
    uint32_t words[4];
    hd_philox(key, branch, 0x62726368u, 0, words); /* "brch" */
    return (hd_random_key){{words[0], words[1]}};
}

void hd_philox(hd_random_key key, uint32_t column, uint32_t position, uint64_t example, uint32_t out[4]) {
    uint32_t c0 = column, c1 = position, c2 = (uint32_t)example, c3 = (uint32_t)(example >> 32);
    uint32_t k0 = key.word[0], k1 = key.word[1];
    for (int round = 0; round < 10; round++) {
        uint64_t p0 = (uint64_t)0xD2511F53u * c0, p1 = (uint64_t)0xCD9E8D57u * c2;
        c0 = (uint32_t)(p1 >> 32) ^ c1 ^ k0;
        c1 = (uint32_t)p1;
        c2 = (uint32_t)(p0 >> 32) ^ c3 ^ k1;
        c3 = (uint32_t)p0;
        k0 += 0x9E3779B9u;
        k1 += 0xBB67AE85u;
    }
    out[0] = c0, out[1] = c1, out[2] = c2, out[3] = c3;
}

static float uniform(uint32_t word) { return (float)(word >> 8) * 0x1p-24f; }

float hd_random_uniform(hd_random_key key, uint32_t column, uint32_t position, uint64_t example) {
    uint32_t words[4];
    hd_philox(key, column, position, example, words);
    return uniform(words[0]);
}

float hd_random_normal(hd_random_key key, uint32_t column, uint32_t position, uint64_t example) {
    float sum = -6.0f;
    for (uint32_t i = 0; i < 3; i++) {
        uint32_t words[4];
        hd_philox(key, column, position * 3 + i, example, words);
        for (int j = 0; j < 4; j++) sum += uniform(words[j]);
    }
    return sum;
}

uint64_t hd_random_below(hd_random_key key, uint64_t index, uint64_t bound) {
    uint32_t words[4];
    hd_philox(key, 0, 0, index, words);
    __extension__ typedef unsigned __int128 wide;
    return (uint64_t)(((wide)((uint64_t)words[0] << 32 | words[1]) * bound) >> 64);
}

void hd_random_shuffle(hd_random_key key, uint32_t *items, uint32_t count) {
    for (uint32_t i = count; i > 1; i--) {
        uint32_t j = (uint32_t)hd_random_below(key, i, i), kept = items[i - 1];
        items[i - 1] = items[j];
        items[j] = kept;
    }
}
