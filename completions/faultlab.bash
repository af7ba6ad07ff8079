# bash completion for faultlab, made by: faultlab completion bash
_faultlab() {
    local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]}
    case "$prev" in
        --node|--timeout|--as|--workers|--victim|--count|--rate|--for|--seed|--intensity|--period|--hold|--within|--ready-line|--ready-port|--ready-cmd|--ready-within|--grace|--target|--check) compopt +o default 2>/dev/null; COMPREPLY=(); return ;;
        --color) mapfile -t COMPREPLY < <(compgen -W 'auto always never' -- "$cur"); return ;;
        --fault) mapfile -t COMPREPLY < <(compgen -W 'crash kill hang slow exit-normal storm heap init-fail terminate-hang drop delay' -- "$cur"); return ;;
        --strategy) mapfile -t COMPREPLY < <(compgen -W 'one_for_one one_for_all rest_for_one simple_one_for_one' -- "$cur"); return ;;
        --restart) mapfile -t COMPREPLY < <(compgen -W 'permanent transient temporary' -- "$cur"); return ;;
        --socket|--config|--junit) mapfile -t COMPREPLY < <(compgen -f -- "$cur"); return ;;
    esac
    local place='' i word
    for ((i = 1; i < COMP_CWORD; i++)); do
        word=${COMP_WORDS[i]}
        case "$word" in --node|--socket|--timeout|--color|--as|--config|--strategy|--workers|--restart|--fault|--victim|--count|--rate|--for|--seed|--intensity|--period|--hold|--within|--junit|--ready-line|--ready-port|--ready-cmd|--ready-within|--grace|--target|--check) ((i++)); continue ;; esac
        case "$place/$word" in /run|/attack|/script|/list|/clear|/batch|/config|/completion) place=$place/$word ;; esac
    done
    local words=''
    case "$place" in
        '') words='run attack script list clear batch config completion' ;;
        '/run') words='--help --strategy --workers --restart --fault --victim --count --rate --for --seed --dry-run --intensity --period --hold --within --shrink --junit --ready-line --ready-port --ready-cmd --ready-within --grace' ;;
        '/attack') words='--help --target --fault --count --rate --for --seed --dry-run --hold --within --include-system' ;;
        '/script') words='--help --check --seed --dry-run' ;;
        '/list') words='--help' ;;
        '/clear') words='--help' ;;
        '/batch') words='--help' ;;
        '/config') words='--help --origin' ;;
        '/completion') words='--help' ;;
    esac
    [[ $cur == -* || -z $words ]] && words+=' --help --version --node --socket --timeout --no-spawn --json --quiet --verbose --color --as --watch --config'
    mapfile -t COMPREPLY < <(compgen -W "$words" -- "$cur")
}
complete -o default -F _faultlab faultlab
