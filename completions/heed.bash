# heed(1) completion for bash; options come from `heed VERB --help`, so that they are always the program's own.
_heed() {
    local verbs="translate attend generate classify tag fill train evaluate tokenize info bench" options
    local current=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD-1]}
    case $before in
        --kind)
            [[ ${COMP_WORDS[1]} == tokenize ]] && { mapfile -t COMPREPLY < <(compgen -W "bpe wordpiece byte-bpe characters" -- "$current"); return; }
            mapfile -t COMPREPLY < <(compgen -W "auto encoder decoder cross" -- "$current"); return ;;
        --format) mapfile -t COMPREPLY < <(compgen -W "auto text svg html json npy" -- "$current"); return ;;
        --color) mapfile -t COMPREPLY < <(compgen -W "auto always never" -- "$current"); return ;;
        -o|--output) [[ ${COMP_WORDS[1]} == attend ]] && { mapfile -t COMPREPLY < <(compgen -f -- "$current"); return; } ;;&
        -m|--model|-o|--output) mapfile -t COMPREPLY < <(compgen -d -- "$current"); return ;;
    esac
    if [[ $current == -* ]]; then
        local second=
        [[ ${COMP_WORDS[1]} == evaluate || "${COMP_WORDS[1]} ${COMP_WORDS[2]}" == "tokenize train" ]] && second=${COMP_WORDS[2]}
        # shellcheck disable=SC2086  # none for most verbs
        options=$("${COMP_WORDS[0]}" "${COMP_WORDS[1]}" $second --help 2>/dev/null | grep -o -- '--[a-z0-9-]*')
        mapfile -t COMPREPLY < <(compgen -W "$options" -- "$current")
    elif ((COMP_CWORD == 1)); then
        mapfile -t COMPREPLY < <(compgen -W "$verbs" -- "$current")
    elif ((COMP_CWORD == 2)) && [[ $before == evaluate ]]; then
        mapfile -t COMPREPLY < <(compgen -W "bleu perplexity accuracy span-f1 training" -- "$current")
    elif ((COMP_CWORD == 2)) && [[ $before == tokenize ]]; then
        mapfile -t COMPREPLY < <(compgen -W "train" -- "$current")
    elif ((COMP_CWORD == 2)) && [[ $before == bench ]]; then
        mapfile -t COMPREPLY < <(compgen -W "machine kernels train translate" -- "$current")
    else
        mapfile -t COMPREPLY < <(compgen -f -- "$current")
    fi
}
complete -o filenames -F _heed heed
