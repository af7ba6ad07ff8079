# bash completion for observer, made by: observer completion bash
_observer() {
    local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]}
    case "$prev" in
        --node|--timeout|--as|--limit|--filter|--parent|--count|-n|--every|--for) compopt +o default 2>/dev/null; COMPREPLY=(); return ;;
        --color) mapfile -t COMPREPLY < <(compgen -W 'auto always never' -- "$cur"); return ;;
        --reason) mapfile -t COMPREPLY < <(compgen -W 'kill shutdown' -- "$cur"); return ;;
        --sort) mapfile -t COMPREPLY < <(compgen -W 'memory reductions rate queue name pid' -- "$cur"); return ;;
        --socket|--config) mapfile -t COMPREPLY < <(compgen -f -- "$cur"); return ;;
    esac
    local place='' i word
    for ((i = 1; i < COMP_CWORD; i++)); do
        word=${COMP_WORDS[i]}
        case "$word" in --node|--socket|--timeout|--color|--as|--config|--sort|--limit|--filter|--parent|--count|-n|--every|--for|--reason) ((i++)); continue ;; esac
        case "$place/$word" in /system|/processes|/tree|/applications|/info|/kill|/suspend|/resume|/batch|/config|/completion) place=$place/$word ;; esac
    done
    local words=''
    case "$place" in
        '') words='system processes tree applications info kill suspend resume batch config completion' ;;
        '/system') words='--help --once --count --every --for' ;;
        '/processes') words='--help --once --count --every --for --sort --limit --reverse --filter --parent' ;;
        '/tree') words='--help --once --count --every --for' ;;
        '/applications') words='--help --once --count --every --for --installed' ;;
        '/info') words='--help --once --count --every --for --state' ;;
        '/kill') words='--help --write --dry-run --reason --yes' ;;
        '/suspend') words='--help --write --dry-run --yes' ;;
        '/resume') words='--help --write --dry-run' ;;
        '/batch') words='--help' ;;
        '/config') words='--help --origin' ;;
        '/completion') words='--help' ;;
    esac
    [[ $cur == -* || -z $words ]] && words+=' --help --version --node --socket --timeout --no-spawn --json --quiet --verbose --color --as --watch --config --sort --limit --reverse --filter --parent --once --count --every --for --write'
    mapfile -t COMPREPLY < <(compgen -W "$words" -- "$cur")
}
complete -o default -F _observer observer
