# bash completion for presence, made by: presence completion bash
_presence() {
    local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]}
    case "$prev" in
        --node|--timeout|--as|--ttl|--session|--topic|--status|--meta|--count|--for|--id|--until) compopt +o default 2>/dev/null; COMPREPLY=(); return ;;
        --color) mapfile -t COMPREPLY < <(compgen -W 'auto always never' -- "$cur"); return ;;
        --socket|--config) mapfile -t COMPREPLY < <(compgen -f -- "$cur"); return ;;
    esac
    local place='' i word
    for ((i = 1; i < COMP_CWORD; i++)); do
        word=${COMP_WORDS[i]}
        case "$word" in --node|--socket|--timeout|--color|--as|--config|--ttl|--session|--topic|--status|--meta|--count|--for|--id|--until) ((i++)); continue ;; esac
        case "$place/$word" in /login|/logout|/status|/list|/watch|/listen|/notify|/queue|/ack|/receipt|/kick|/nodes|/health|/batch|/config|/completion) place=$place/$word ;; esac
    done
    local words=''
    case "$place" in
        '') words='login logout status list watch listen notify queue ack receipt kick nodes health batch config completion' ;;
        '/login') words='--help --ttl --session --topic --status --meta' ;;
        '/logout') words='--help --session' ;;
        '/status') words='--help' ;;
        '/list') words='--help' ;;
        '/watch') words='--help --changes --count --for --until-idle' ;;
        '/listen') words='--help --session --topic --status --meta --ack --count --for --until-idle' ;;
        '/notify') words='--help --id --ttl --until' ;;
        '/queue') words='--help' ;;
        '/ack') words='--help --all' ;;
        '/receipt') words='--help' ;;
        '/kick') words='--help' ;;
        '/nodes') words='--help' ;;
        '/health') words='--help' ;;
        '/batch') words='--help' ;;
        '/config') words='--help --origin' ;;
        '/completion') words='--help' ;;
    esac
    [[ $cur == -* || -z $words ]] && words+=' --help --version --node --socket --timeout --no-spawn --json --quiet --verbose --color --as --watch --config'
    mapfile -t COMPREPLY < <(compgen -W "$words" -- "$cur")
}
complete -o default -F _presence presence
