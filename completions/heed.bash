# heed(1) completion for bash
_heed() {
    local verbs="translate train evaluate tokenize info bench"
    local options="--model --input --threads --seed --beams --json --help --version"
    local current=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD-1]}
    case $before in
        -m|--model|--output) mapfile -t COMPREPLY < <(compgen -d -- "$current"); return ;;
        --input|--source|--reference) mapfile -t COMPREPLY < <(compgen -f -- "$current"); return ;;
    esac
    if [[ $current == -* ]]; then
        [[ ${COMP_WORDS[1]} == train ]] && options="--output --resume --threads --seed --help"
        mapfile -t COMPREPLY < <(compgen -W "$options" -- "$current")
    elif ((COMP_CWORD == 1)); then
        mapfile -t COMPREPLY < <(compgen -W "$verbs" -- "$current")
    elif ((COMP_CWORD == 2)) && [[ $before == evaluate ]]; then
        mapfile -t COMPREPLY < <(compgen -W "bleu" -- "$current")
    else
        mapfile -t COMPREPLY < <(compgen -f -- "$current")
    fi
}
complete -o filenames -F _heed heed
