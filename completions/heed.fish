# heed(1) completion for fish. The program itself knows the words: heed complete WORD ...
function __heed_complete
    set -l words (commandline -opc)
    set -l current (commandline -ct)
    set -l value (string replace -r -- '^--[^=]+=' '' "$current")
    set -l option (string match -r -- '^--[^=]+=' "$current")
    for line in ($words[1] complete $words[2..-1] "$current" 2>/dev/null)
        switch $line
            case \tfiles
                printf '%s\n' "$option"(__fish_complete_path "$value")
            case \tfolders
                printf '%s\n' "$option"(__fish_complete_directories "$value")
            case '*'
                printf '%s\n' $line
        end
    end
end
complete -c heed -f -a '(__heed_complete)'
