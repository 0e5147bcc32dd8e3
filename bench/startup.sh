#!/bin/sh
# Milliseconds from process start to the first translated sentence: median of 20 runs, with the files in the page cache.
#
#     startup.sh [MODEL] [SENTENCE]        HEED names the command, build/heed by default; RUNS how many
heed=${HEED:-$(dirname "$0")/../build/heed}
model=${1:-multi30k-en-de}
sentence=${2:-A dog runs through the snow.}
runs=${RUNS:-20}

translate() { "$heed" translate -m "$model" "$sentence" >/dev/null; }

for warm in 1 2 3; do
    translate || { echo "startup.sh: $heed translate -m $model fails" >&2; exit 1; }
done
if command -v hyperfine >/dev/null; then
    exec hyperfine -N --warmup 3 --runs "$runs" "'$heed' translate -m '$model' '$sentence'"
fi
number=0
while [ "$number" -lt "$runs" ]; do
    start=$(date +%s%N)
    translate
    end=$(date +%s%N)
    echo $((end - start))
    number=$((number + 1))
done | sort -n | awk '
    { time[NR] = $1 / 1e6 }
    END {
        middle = NR % 2 ? time[(NR + 1) / 2] : (time[NR / 2] + time[NR / 2 + 1]) / 2
        printf "median %.1f ms (lowest %.1f, highest %.1f, runs %d), the shell'\''s fork and date included\n",
               middle, time[1], time[NR], NR
    }'
