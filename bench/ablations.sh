#!/usr/bin/env bash
# The effect of single settings on a translator's BLEU in a short training run: one recipe, with one change at a time.
#
#     ablations.sh train DATA RUNS [NAME...]     trains each (run again to resume)
#     ablations.sh show DATA RUNS [NAME...]      a table: parameters and BLEU on test 2016
#
# DATA has Multi30k's raw files (task 1), unpacked. RUNS gets one folder per model. THREADS (default 2) sets the threads.
set -eu
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
heed=${HEED:-$here/../build/heed} threads=${THREADS:-2}
what=$1 data=$(cd "$2" && pwd) && mkdir -p "$3" && runs=$(cd "$3" && pwd) && shift 3
names=${*:-base dropout-0.3 bpe-dropout-0.1 r-drop-5 merges-4000 pre-norm wide both-directions}

options_of() {
    case $1 in
    base) ;;
    dropout-0.3) echo --dropout 0.3 ;;
    bpe-dropout-0.1) echo --bpe-dropout 0.1 ;;
    r-drop-5) echo --r-drop 5 --steps 1000 --validate-every 100 ;; # its steps take twice as long
    merges-4000) echo --vocabulary-size 4000 ;;
    pre-norm) echo --pre-norm ;;
    wide) echo --width 192 --ffn-width 512 --encoder-layers 2 --decoder-layers 2 ;;
    both-directions) echo --train-source both.source --train-target both.target --valid-source to-german ;;
    *) echo "ablations.sh: there is no $1" >&2 && exit 1 ;;
    esac
}

# Both directions as one model: a word in front of the source says which.
write_both() {
    awk 'FNR == NR { print "2de " $0; next } { print "2en " $0 }' "$data/train.en" "$data/train.de" >"$runs/both.source"
    cat "$data/train.de" "$data/train.en" >"$runs/both.target"
    sed 's/^/2de /' "$data/val.en" >"$runs/to-german"
}

train() {
    write_both
    cp "$data"/{train,val}.{en,de} "$runs"
    cd "$runs"
    for name in $names; do
        # shellcheck disable=SC2046
        "$heed" train --train-source train.en --train-target train.de --valid-source val.en --valid-target val.de \
            --width 128 --encoder-layers 4 --decoder-layers 4 --heads 4 --ffn-width 256 --vocabulary-size 10000 \
            --dropout 0.1 --batch-tokens 2048 --steps 2000 --lr 0.002 --warmup 400 --schedule linear --clip 5 \
            --validate-every 200 --save-every 100 --average 5 --compute bf16 $(options_of "$name") --output "$name" \
            $([ -d "$name" ] && echo --resume) -t "$threads"
    done
}

show() {
    echo "| | parameters | BLEU |"
    echo "| --- | --- | --- |"
    for name in $names; do
        [ -f "$runs/$name/model.safetensors" ] || continue
        case $name in both-directions) before="2de " ;; *) before= ;; esac
        score=$(sed "s/^/$before/" "$data/test_2016_flickr.en" | "$heed" translate -m "$runs/$name" --beams 5 -q -t "$threads" |
            "$heed" evaluate bleu --json --reference "$data/test_2016_flickr.de" | sed 's/.*"score": *\([0-9.]*\).*/\1/')
        echo "| $name | $("$heed" info --json "$runs/$name" | sed 's/.*"total": *\([0-9]*\).*/\1/') | $score |"
    done
}

"$what"
