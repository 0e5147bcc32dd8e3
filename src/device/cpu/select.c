/* Which tables this build has and this machine runs, and which of them a context gets. */
#include "device/cpu/kernels/kernels.h"

#include <stdio.h>
#include <string.h>

extern const hd_kernels hd_kernels_portable;
#ifdef HEED_HAS_AVX2
#include <cpuid.h>
#include <sys/syscall.h>
#include <unistd.h>

extern const hd_kernels hd_kernels_avx2, hd_kernels_avx512, hd_kernels_avx512bf16, hd_kernels_amx;

/* __builtin_cpu_supports of Clang 14 does not know this one. */
static bool has_f16c(void) {
    unsigned a, b, c, d;
    return __get_cpuid(1, &a, &b, &c, &d) && (c & bit_F16C);
}

/* AMX, and Linux's permission to use its registers, which a process must request. */
static bool has_amx(void) {
    enum { BF16 = 1 << 22, TILE = 1 << 24, REQUEST_PERMISSION = 0x1023, TILE_DATA = 18 };
    unsigned a, b, c, d;
    if (!__get_cpuid_count(7, 0, &a, &b, &c, &d) || !(d & BF16) || !(d & TILE)) return false;
    return syscall(SYS_arch_prctl, REQUEST_PERMISSION, TILE_DATA) == 0;
}
#endif
#ifdef HEED_HAS_NEON
extern const hd_kernels hd_kernels_neon;
#endif

const hd_kernels *hd_kernels_at(int i) {
    const hd_kernels *tables[6] = {&hd_kernels_portable};
    int count = 1;
#ifdef HEED_HAS_AVX2
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && has_f16c()) {
        tables[count++] = &hd_kernels_avx2;
        if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
            __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl")) {
            tables[count++] = &hd_kernels_avx512;
            if (__builtin_cpu_supports("avx512bf16")) {
                tables[count++] = &hd_kernels_avx512bf16;
                if (has_amx()) tables[count++] = &hd_kernels_amx;
            }
        }
    }
#endif
#ifdef HEED_HAS_NEON
    tables[count++] = &hd_kernels_neon;
#endif
    return i < count ? tables[i] : NULL;
}

heed_status hd_kernels_select(heed_context *context, const char *name) {
    char there_are[64] = "";
    for (int i = 0; hd_kernels_at(i); i++) {
        const hd_kernels *table = hd_kernels_at(i);
        context->kernels = table; /* the last is the best, and a context always has one */
        if (name && strcmp(name, table->name) == 0) return HEED_OK;
        size_t length = strlen(there_are);
        snprintf(there_are + length, sizeof there_are - length, "%s%s", length ? ", " : "", table->name);
    }
    if (!name || !*name) return HEED_OK;
    return hd_fail(context, HEED_ARGUMENT, "HEED_ISA is \"%s\", but this machine and build have: %s", name, there_are);
}
