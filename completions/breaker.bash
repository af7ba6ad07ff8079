# bash completion for breaker, made by: breaker completion bash
_breaker() {
    local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]}
    case "$prev" in
        --node|--timeout|--as|--slow|--permit|--took|--reason|--for|--failures|--rate|--min-calls|--window|--cooldown|--jitter|--probes|--successes|--ramp|--permit-time|--on-open|--count) compopt +o default 2>/dev/null; COMPREPLY=(); return ;;
        --color) mapfile -t COMPREPLY < <(compgen -W 'auto always never' -- "$cur"); return ;;
        --state) mapfile -t COMPREPLY < <(compgen -W 'closed open half_open disabled' -- "$cur"); return ;;
        --socket|--config) mapfile -t COMPREPLY < <(compgen -f -- "$cur"); return ;;
    esac
    local place='' i word
    for ((i = 1; i < COMP_CWORD; i++)); do
        word=${COMP_WORDS[i]}
        case "$word" in --node|--socket|--timeout|--color|--as|--config|--state|--slow|--permit|--took|--reason|--for|--failures|--rate|--min-calls|--window|--cooldown|--jitter|--probes|--successes|--ramp|--permit-time|--on-open|--count) ((i++)); continue ;; esac
        case "$place/$word" in /status|/list|/run|/allow|/success|/failure|/trip|/reset|/disable|/enable|/set|/delete|/watch|/batch|/config|/completion) place=$place/$word ;; esac
    done
    local words=''
    case "$place" in
        '') words='status list run allow success failure trip reset disable enable set delete watch batch config completion' ;;
        '/status') words='--help' ;;
        '/list') words='--help --state' ;;
        '/run') words='--help --slow' ;;
        '/allow') words='--help --slow' ;;
        '/success') words='--help --permit --took' ;;
        '/failure') words='--help --permit --took --reason' ;;
        '/trip') words='--help --for --reason' ;;
        '/reset') words='--help' ;;
        '/disable') words='--help --reason' ;;
        '/enable') words='--help' ;;
        '/set') words='--help --failures --rate --min-calls --window --cooldown --jitter --probes --successes --ramp --slow --permit-time' ;;
        '/delete') words='--help' ;;
        '/watch') words='--help --on-open --count --for --until-idle' ;;
        '/batch') words='--help' ;;
        '/config') words='--help --origin' ;;
        '/completion') words='--help' ;;
    esac
    [[ $cur == -* || -z $words ]] && words+=' --help --version --node --socket --timeout --no-spawn --json --quiet --verbose --color --as --watch --config'
    mapfile -t COMPREPLY < <(compgen -W "$words" -- "$cur")
}
complete -o default -F _breaker breaker
