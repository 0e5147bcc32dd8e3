#!/usr/bin/env bash
# Training speed of heed and of PyTorch, alternating: train.sh FOLDER [ROUNDS]
#
# FOLDER has train.en and train.de, Multi30k's tok/ files, unpacked. Each round measures heed and PyTorch, eager and
# compiled, in float32 and in bfloat16, on two threads (THREADS), with the same model and batches of the same size.
set -eu
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
heed=${HEED:-$here/../build/heed} threads=${THREADS:-2} steps=${STEPS:-40}
data=$1 rounds=${2:-2}
recipe=$(mktemp)
trap 'rm -f "$recipe"' EXIT
printf 'train-source = %s\ntrain-target = %s\nvocabulary-size = 10000\ndropout = 0.3\n' \
    "$data/train.en" "$data/train.de" >"$recipe"
for ((round = 1; round <= rounds; round++)); do
    echo "== round $round"
    for compute in f32 bf16; do
        echo "heed $compute: $("$heed" bench train --recipe "$recipe" --compute $compute --steps "$steps" -t "$threads")"
        for mode in "" --compile; do
            # shellcheck disable=SC2046,SC2086
            python3 "$here/train_pytorch.py" --data "$data" --steps "$steps" --threads "$threads" $mode \
                $([ $compute = f32 ] || echo --bf16) | grep -E "PyTorch|tokens/s|peak"
        done
    done
done
