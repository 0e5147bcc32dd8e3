#!/usr/bin/env bash
# Recurrent translators by the information passed to the decoder (five kinds, GRU and LSTM), and the Transformer.
#
#     recurrent.sh train DATA RUNS [NAME...]     trains each (run again to resume)
#     recurrent.sh show DATA RUNS                the tables, and RUNS/length.svg
#     recurrent.sh speed DATA RUNS               target tokens/s of training and its peak memory, on a quiet machine
#
# DATA has Multi30k's tok files, unpacked. RUNS gets one folder per model. All models use the recipe
# examples/multi30k/memory.ini, with some other settings for the Transformer, but the same number of updates and tokens.
# THREADS (default 2) sets the threads.
set -eu
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
heed=${HEED:-$here/../build/heed} threads=${THREADS:-2} recipe=$here/../examples/multi30k/memory.ini
what=$1 data=$(cd "$2" && pwd) && mkdir -p "$3" && runs=$(cd "$3" && pwd) && shift 3
memories="last mean concatenated bahdanau luong-general"
names="$* "
if [ "$names" = " " ]; then
    names=
    for memory in $memories; do names+="gru-$memory lstm-$memory "; done
    names+="transformer transformer-pre-norm"
fi

write_recipe() { # the common one, in which a model's own settings stand in the place of others; NAME to RUNS/NAME.ini
    case $1 in
    transformer*)
        own="width=128 encoder-layers=4 decoder-layers=4 heads=4 ffn-width=256 lr=0.002 warmup=400 clip=5 length-penalty=1"
        case $1 in *-pre-norm) own+=" dropout=0.2 pre-norm=true" ;; *) own+=" dropout=0.1" ;; esac
        ;;
    *) own="family=heed-rnn cell=${1%%-*} memory=${1#*-}" ;;
    esac
    for setting in $own; do echo "${setting%%=*} = ${setting#*=}"; done >"$runs/$1.ini"
    grep -vE "^(#|$(echo "$own" | sed -E 's/=[^ ]*//g; s/ /|/g') =)" "$recipe" >>"$runs/$1.ini"
}

train() {
    cd "$data"
    for name in $names; do
        write_recipe "$name"
        "$heed" train "$runs/$name.ini" --output "$runs/$name" $([ -d "$runs/$name" ] && echo --resume) -t "$threads"
    done
}

bleu() { # HYPOTHESES REFERENCE
    "$heed" evaluate bleu --tokenize none --json --reference "$2" "$1" | sed 's/.*"score": *\([0-9.]*\).*/\1/'
}

show() {
    made=$(mktemp -d)
    trap 'rm -rf "$made"' EXIT
    test=$data/test_2016_flickr
    for side in en de; do
        cp "$test.$side" "$made/1.$side"
        paste -d ' ' - - <"$test.$side" >"$made/2.$side"
        paste -d ' ' - - - <"$test.$side" >"$made/3.$side"
    done
    echo "| model | parameters | BLEU | two joined | three joined |"
    echo "| --- | --- | --- | --- | --- |"
    for name in $names; do
        [ -f "$runs/$name/model.safetensors" ] || continue
        scores=
        for joined in 1 2 3; do
            "$heed" translate -m "$runs/$name" --beams 5 -q -t "$threads" --input "$made/$joined.en" >"$made/$name.$joined" || true
            scores+=" $(bleu "$made/$name.$joined" "$made/$joined.de") |"
        done
        echo "| $name | $("$heed" info --json "$runs/$name" | sed 's/.*"total": *\([0-9]*\).*/\1/') |$scores"
        hypotheses+=("$made/$name")
        mv "$made/$name.1" "$made/$name"
    done
    "$heed" evaluate bleu --tokenize none --by-length --bucket 5 --source "$test.en" --reference "$test.de" "${hypotheses[@]}"
    "$heed" evaluate bleu --tokenize none --by-length --bucket 5 --source "$test.en" --reference "$test.de" -o "$runs/length.svg" \
        "${hypotheses[@]}"
}

speed() {
    cd "$data"
    for name in $names; do
        write_recipe "$name"
        echo "$name: $("$heed" bench train --recipe "$runs/$name.ini" --steps 20 -t "$threads")"
    done
}

"$what"
