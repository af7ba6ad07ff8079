# bash completion for beamd, made by: beamd completion bash
_beamd() {
    local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]}
    case "$prev" in
        --node|--timeout|--as|--app|--dist-join|--dist-dns|--dist-tick|--dist-port|--lines|--count|--for|--dir|--name|--host) compopt +o default 2>/dev/null; COMPREPLY=(); return ;;
        --color) mapfile -t COMPREPLY < <(compgen -W 'auto always never' -- "$cur"); return ;;
        --socket|--config) mapfile -t COMPREPLY < <(compgen -f -- "$cur"); return ;;
    esac
    local place='' i word
    for ((i = 1; i < COMP_CWORD; i++)); do
        word=${COMP_WORDS[i]}
        case "$word" in --node|--socket|--timeout|--color|--as|--config|--app|--dist-join|--dist-dns|--dist-tick|--dist-port|--lines|--count|--for|--dir|--name|--host) ((i++)); continue ;; esac
        case "$place/$word" in /status|/ping|/await|/stop|/restart|/logs|/socket|/doctor|/nodes|/connect|/rpc|/cert|/cert/init|/cert/show|/config|/completion) place=$place/$word ;; esac
    done
    local words=''
    case "$place" in
        '') words='status ping await stop restart logs socket doctor nodes connect rpc cert config completion' ;;
        '/status') words='--help' ;;
        '/ping') words='--help' ;;
        '/await') words='--help' ;;
        '/stop') words='--help' ;;
        '/restart') words='--help' ;;
        '/logs') words='--help --lines --follow --count --for --until-idle' ;;
        '/socket') words='--help' ;;
        '/doctor') words='--help' ;;
        '/nodes') words='--help' ;;
        '/connect') words='--help' ;;
        '/rpc') words='--help' ;;
        '/cert') words='init show --help' ;;
        '/cert/init') words='--help --dir --name --host --force' ;;
        '/cert/show') words='--help --dir' ;;
        '/config') words='--help --origin' ;;
        '/completion') words='--help' ;;
    esac
    [[ $cur == -* || -z $words ]] && words+=' --help --version --node --socket --timeout --no-spawn --json --quiet --verbose --color --as --watch --config --app --daemon --dist --dist-tls --dist-insecure --dist-join --dist-dns --dist-tick --dist-port --dist-hidden'
    mapfile -t COMPREPLY < <(compgen -W "$words" -- "$cur")
}
complete -o default -F _beamd beamd
