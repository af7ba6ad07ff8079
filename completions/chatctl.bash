# bash completion for chatctl, made by: chatctl completion bash
_chatctl() {
    local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]}
    case "$prev" in
        --node|--timeout|--as|--since|--limit|--count|--for) compopt +o default 2>/dev/null; COMPREPLY=(); return ;;
        --color) mapfile -t COMPREPLY < <(compgen -W 'auto always never' -- "$cur"); return ;;
        --socket|--config) mapfile -t COMPREPLY < <(compgen -f -- "$cur"); return ;;
    esac
    local place='' i word
    for ((i = 1; i < COMP_CWORD; i++)); do
        word=${COMP_WORDS[i]}
        case "$word" in --node|--socket|--timeout|--color|--as|--config|--since|--limit|--count|--for) ((i++)); continue ;; esac
        case "$place/$word" in /create|/create/room|/delete|/delete/room|/crash|/crash/room|/list|/users|/send|/history|/join|/batch|/config|/completion) place=$place/$word ;; esac
    done
    local words=''
    case "$place" in
        '') words='create delete crash list users send history join batch config completion' ;;
        '/create') words='room --help' ;;
        '/create/room') words='--help' ;;
        '/delete') words='room --help' ;;
        '/delete/room') words='--help' ;;
        '/crash') words='room --help' ;;
        '/crash/room') words='--help' ;;
        '/list') words='--help' ;;
        '/users') words='--help' ;;
        '/send') words='--help' ;;
        '/history') words='--help --since --limit' ;;
        '/join') words='--help --count --for --until-idle' ;;
        '/batch') words='--help' ;;
        '/config') words='--help --origin' ;;
        '/completion') words='--help' ;;
    esac
    [[ $cur == -* || -z $words ]] && words+=' --help --version --node --socket --timeout --no-spawn --json --quiet --verbose --color --as --watch --config'
    mapfile -t COMPREPLY < <(compgen -W "$words" -- "$cur")
}
complete -o default -F _chatctl chatctl
