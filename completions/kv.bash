# bash completion for kv, made by: kv completion bash
_kv() {
    local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]}
    case "$prev" in
        --node|--timeout|--as|--ttl|--expect|--expect-version|--by|--limit|--cursor|--from|--count|--for|--from-line|--resp|--nodes|--shards|--rf|--min-isr|--out-after|--sync|--coordinator) compopt +o default 2>/dev/null; COMPREPLY=(); return ;;
        --color) mapfile -t COMPREPLY < <(compgen -W 'auto always never' -- "$cur"); return ;;
        --engine) mapfile -t COMPREPLY < <(compgen -W 'lmdb rocksdb' -- "$cur"); return ;;
        --socket|--config|--coordinator-ca|--coordinator-cert|--coordinator-key|--coordinator-password-file) mapfile -t COMPREPLY < <(compgen -f -- "$cur"); return ;;
    esac
    local place='' i word
    for ((i = 1; i < COMP_CWORD; i++)); do
        word=${COMP_WORDS[i]}
        case "$word" in --node|--socket|--timeout|--color|--as|--config|--ttl|--expect|--expect-version|--by|--limit|--cursor|--from|--count|--for|--from-line|--resp|--nodes|--shards|--rf|--min-isr|--out-after|--engine|--sync|--coordinator|--coordinator-ca|--coordinator-cert|--coordinator-key|--coordinator-password-file) ((i++)); continue ;; esac
        case "$place/$word" in /put|/get|/delete|/cas|/incr|/expire|/ttl|/transaction|/locate|/scan|/count|/watch|/export|/import|/backup|/restore|/serve|/cluster|/cluster/init|/cluster/status|/cluster/health|/cluster/nodes|/cluster/join|/cluster/leave|/cluster/drain|/cluster/remove|/cluster/rejoin|/cluster/recover|/cluster/migrate|/cluster/rebalance|/batch|/config|/completion) place=$place/$word ;; esac
    done
    local words=''
    case "$place" in
        '') words='put get delete cas incr expire ttl transaction locate scan count watch export import backup restore serve cluster batch config completion' ;;
        '/put') words='--help --ttl --expect --expect-version --if-absent' ;;
        '/get') words='--help --primary --stale --raw' ;;
        '/delete') words='--help --expect --expect-version' ;;
        '/cas') words='--help --ttl --expect --expect-version' ;;
        '/incr') words='--help --by --ttl' ;;
        '/expire') words='--help --ttl' ;;
        '/ttl') words='--help' ;;
        '/transaction') words='--help' ;;
        '/locate') words='--help' ;;
        '/scan') words='--help --limit --cursor --keys-only' ;;
        '/count') words='--help' ;;
        '/watch') words='--help --from --count --for --until-idle' ;;
        '/export') words='--help' ;;
        '/import') words='--help --from-line' ;;
        '/backup') words='--help' ;;
        '/restore') words='--help' ;;
        '/serve') words='--help --resp --allow-remote --stop' ;;
        '/cluster') words='init status health nodes join leave drain remove rejoin recover migrate rebalance --help' ;;
        '/cluster/init') words='--help --nodes --shards --rf --min-isr --out-after --engine --sync --coordinator --coordinator-ca --coordinator-cert --coordinator-key --coordinator-password-file' ;;
        '/cluster/status') words='--help' ;;
        '/cluster/health') words='--help' ;;
        '/cluster/nodes') words='--help' ;;
        '/cluster/join') words='--help --engine --sync --coordinator --coordinator-ca --coordinator-cert --coordinator-key --coordinator-password-file --wait' ;;
        '/cluster/leave') words='--help' ;;
        '/cluster/drain') words='--help --wait' ;;
        '/cluster/remove') words='--help --yes' ;;
        '/cluster/rejoin') words='--help --wait' ;;
        '/cluster/recover') words='--help --accept-data-loss --coordinator-lost' ;;
        '/cluster/migrate') words='--help --yes' ;;
        '/cluster/rebalance') words='--help --dry-run --wait' ;;
        '/batch') words='--help' ;;
        '/config') words='--help --origin' ;;
        '/completion') words='--help' ;;
    esac
    [[ $cur == -* || -z $words ]] && words+=' --help --version --node --socket --timeout --no-spawn --json --quiet --verbose --color --as --watch --config'
    mapfile -t COMPREPLY < <(compgen -W "$words" -- "$cur")
}
complete -o default -F _kv kv
