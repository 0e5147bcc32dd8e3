#!/usr/bin/env bash
# Training speed and memory of character-level language models, heed and PyTorch alternating: language.sh TEXT [ROUNDS]
#
# TEXT is tinyshakespeare's input.txt, unpacked. The sizes are nanoGPT's for a CPU (4 layers × 128, context 64, batch 12) and
# for a GPU (6 × 384, context 256, batch 64, dropout 0.2); SIZES="cpu gpu" chooses. float32, two threads (THREADS).
# CPU_STEPS and GPU_STEPS set the steps per round. The first step of heed and the first few of PyTorch are warm-up.
set -eu
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
heed=${HEED:-$here/../build/heed} threads=${THREADS:-2} text=$1 rounds=${2:-2}
recipe=$(mktemp)
trap 'rm -f "$recipe"' EXIT

# measure NAME LAYERS WIDTH HEADS CONTEXT BATCH DROPOUT CHUNK STEPS WARM_UP
measure() {
    cat >"$recipe" <<END
objective = language
train-source = $text
whole-file = true
tokenizer-kind = characters
decoder-layers = $2
width = $3
ffn-width = $((4 * $3))
heads = $4
max-tokens = $5
max-positions = $5
batch-tokens = $(($5 * $6))
chunk-tokens = $8
dropout = $7
attention-dropout = $7
weight-decay = 0.1
clip = 1
END
    echo "== $1: $2 layers × $3, context $5, batch $6, dropout $7, round $round"
    echo "heed: $("$heed" bench train --recipe "$recipe" --steps "$9" -t "$threads")"
    for mode in "" --compile; do
        # shellcheck disable=SC2086
        python3 "$here/language_pytorch.py" "$text" --layers "$2" --width "$3" --heads "$4" --context "$5" --batch "$6" \
            --dropout "$7" --steps "$9" --warm-up "${10}" --threads "$threads" $mode | grep -v loss
    done
}

for ((round = 1; round <= rounds; round++)); do
    for size in ${SIZES:-cpu gpu}; do
        case $size in
            cpu) measure cpu 4 128 4 64 12 0 384 "${CPU_STEPS:-100}" 10 ;; # half a batch a thread
            gpu) measure gpu 6 384 6 256 64 0.2 1024 "${GPU_STEPS:-6}" 2 ;;
        esac
    done
done
