#!/usr/bin/env bash
# observer_window.sh: Erlang's Observer, its window and all, looks at a node of ours (beamd --dist --app interop).
# shellcheck disable=SC1091,SC2154  # own_node.sh
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
for program in erl erlc python3 jq xvfb-run; do
    command -v "$program" >/dev/null && continue
    echo "observer_window: skipped: no $program on PATH; try: apt install erlang-observer xvfb $program"
    exit 77
done
if ! erl -noinput -eval "case code:which(observer_wx) of F when is_list(F) -> halt(0); _ -> halt(1) end" </dev/null; then
    echo "observer_window: skipped: no observer_wx; try: apt install erlang-observer"
    exit 77
fi
source "$here/own_node.sh"
export ERL_CRASH_DUMP_BYTES=0
erlc -o "$dir" "$here/observer_window.erl"
cd "$dir"
# Erlang's wx itself may end in a segmentation fault, the more so on a busy machine: then it tells nothing of us.
shown() {
    timeout 120 xvfb-run -a -s "-screen 0 1200x900x24" erl -noinput -start_epmd false -name looker@127.0.0.1 -hidden \
        -setcookie "$(<"$HOME/.erlang.cookie")" -pa "$dir" -eval "observer_window:main('ours@127.0.0.1')" \
        </dev/null >"$dir/out" 2>&1 && status=0 || status=$?
    grep -v -e Gtk -e '^$' "$dir/out"
    grep -q "are shown" "$dir/out"
}
tries=1
until shown; do
    [ "$status" -eq 139 ] || exit 1
    if [ $((tries += 1)) -gt 5 ]; then
        echo "observer_window: skipped: wx crashed five times"
        exit 77
    fi
done
beamd status --node ours@127.0.0.1 --json | jq -e '.restarts == 0' >/dev/null
# That a process held its scheduler for some ms says how busy the machine is.
if beamd logs --node ours@127.0.0.1 | grep -E ' (warning|error) ' | grep -v "does not give way"; then
    echo "observer_window: the node complains"
    exit 1
fi
