#!/bin/sh
# float32 matrix products of heed, oneDNN and OpenBLAS, alternating in one process: GFLOP/s, medians and ranges.
#
#     matmul.sh [THREADS [ROUNDS [SHAPE]]]     BUILD names the build folder, build by default
#
# Needs Debian's libdnnl-dev and libopenblas-dev. The script selects the kernels of both libraries for this machine, since
# their releases may be older than it. OPENBLAS_CORETYPE and ONEDNN_MAX_CPU_ISA override this.
set -e
project=$(cd "$(dirname "$0")/.." && pwd)
build=${BUILD:-$project/build}
program=$build/bench-matmul
if [ ! "$program" -nt "$build/libheed.a" ] || [ ! "$program" -nt "$project/bench/peers/matmul.c" ]; then
    cc -std=gnu17 -O2 -Wall -Wextra -I "$project/src" -I "$project/include" $(pkg-config --cflags openblas) \
        "$project/bench/peers/matmul.c" "$build/libheed.a" $(pkg-config --libs openblas jansson libutf8proc oniguruma) -ldnnl \
        -fopenmp -lm -o "$program"
fi
if grep -q avx512bw /proc/cpuinfo; then
    export OPENBLAS_CORETYPE="${OPENBLAS_CORETYPE:-SkylakeX}" ONEDNN_MAX_CPU_ISA="${ONEDNN_MAX_CPU_ISA:-AVX512_CORE}"
else
    export OPENBLAS_CORETYPE="${OPENBLAS_CORETYPE:-Haswell}" ONEDNN_MAX_CPU_ISA="${ONEDNN_MAX_CPU_ISA:-AVX2}"
fi
exec "$program" "$@"
