# bash completion for cache, made by: cache completion bash
_cache() {
    local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]}
    case "$prev" in
        --node|--timeout|--as|--ttl|--tag|--stale|--or-run|--max-entries|--max-bytes|--policy|--match|--resp) compopt +o default 2>/dev/null; COMPREPLY=(); return ;;
        --color) mapfile -t COMPREPLY < <(compgen -W 'auto always never' -- "$cur"); return ;;
        --socket|--config) mapfile -t COMPREPLY < <(compgen -f -- "$cur"); return ;;
    esac
    local place='' i word
    for ((i = 1; i < COMP_CWORD; i++)); do
        word=${COMP_WORDS[i]}
        case "$word" in --node|--socket|--timeout|--color|--as|--config|--ttl|--tag|--stale|--or-run|--max-entries|--max-bytes|--policy|--match|--resp) ((i++)); continue ;; esac
        case "$place/$word" in /put|/get|/delete|/ttl|/touch|/load|/flush|/limits|/stats|/explain|/keys|/serve|/batch|/config|/completion) place=$place/$word ;; esac
    done
    local words=''
    case "$place" in
        '') words='put get delete ttl touch load flush limits stats explain keys serve batch config completion' ;;
        '/put') words='--help --ttl --tag --stale' ;;
        '/get') words='--help --or-run --ttl --tag --stale --raw' ;;
        '/delete') words='--help --tag' ;;
        '/ttl') words='--help' ;;
        '/touch') words='--help --ttl' ;;
        '/load') words='--help --ttl --tag --max-entries --max-bytes --policy' ;;
        '/flush') words='--help --yes' ;;
        '/limits') words='--help --max-entries --max-bytes --policy --ttl' ;;
        '/stats') words='--help' ;;
        '/explain') words='--help' ;;
        '/keys') words='--help --match' ;;
        '/serve') words='--help --resp --allow-remote --stop' ;;
        '/batch') words='--help' ;;
        '/config') words='--help --origin' ;;
        '/completion') words='--help' ;;
    esac
    [[ $cur == -* || -z $words ]] && words+=' --help --version --node --socket --timeout --no-spawn --json --quiet --verbose --color --as --watch --config'
    mapfile -t COMPREPLY < <(compgen -W "$words" -- "$cur")
}
complete -o default -F _cache cache
