# bash completion for ratelimit, made by: ratelimit completion bash
_ratelimit() {
    local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]}
    case "$prev" in
        --node|--timeout|--as|--cost|--limit|--rate|--burst|--rule|--next) compopt +o default 2>/dev/null; COMPREPLY=(); return ;;
        --color) mapfile -t COMPREPLY < <(compgen -W 'auto always never' -- "$cur"); return ;;
        --algorithm) mapfile -t COMPREPLY < <(compgen -W 'bucket sliding fixed' -- "$cur"); return ;;
        --inherit) mapfile -t COMPREPLY < <(compgen -W 'scale keep reset' -- "$cur"); return ;;
        --socket|--config) mapfile -t COMPREPLY < <(compgen -f -- "$cur"); return ;;
    esac
    local place='' i word
    for ((i = 1; i < COMP_CWORD; i++)); do
        word=${COMP_WORDS[i]}
        case "$word" in --node|--socket|--timeout|--color|--as|--config|--cost|--limit|--rate|--burst|--algorithm|--rule|--next|--inherit) ((i++)); continue ;; esac
        case "$place/$word" in /check|/run|/peek|/reset|/refund|/explain|/rule|/rule/set|/rule/list|/rule/delete|/simulate|/batch|/config|/completion) place=$place/$word ;; esac
    done
    local words=''
    case "$place" in
        '') words='check run peek reset refund explain rule simulate batch config completion' ;;
        '/check') words='--help --cost --limit --rate --burst --algorithm --rule --wait --durable --all' ;;
        '/run') words='--help --cost --limit --rate --burst --algorithm --rule --wait --durable' ;;
        '/peek') words='--help --cost --limit --rate --burst --algorithm --rule' ;;
        '/reset') words='--help --rule' ;;
        '/refund') words='--help --cost --rule' ;;
        '/explain') words='--help --next --cost --limit --rate --burst --algorithm --rule' ;;
        '/rule') words='set list delete --help' ;;
        '/rule/set') words='--help --limit --rate --burst --algorithm --inherit --shadow --durable' ;;
        '/rule/list') words='--help' ;;
        '/rule/delete') words='--help' ;;
        '/simulate') words='--help --limit --rate --burst --algorithm' ;;
        '/batch') words='--help' ;;
        '/config') words='--help --origin' ;;
        '/completion') words='--help' ;;
    esac
    [[ $cur == -* || -z $words ]] && words+=' --help --version --node --socket --timeout --no-spawn --json --quiet --verbose --color --as --watch --config'
    mapfile -t COMPREPLY < <(compgen -W "$words" -- "$cur")
}
complete -o default -F _ratelimit ratelimit
