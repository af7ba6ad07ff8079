#!/usr/bin/env bash
# node_cold.sh beamcore [--quick]: `chatctl list` where no node runs: it starts one and answers.
# Each time the node is stopped and its folders are removed, so nothing is there to build on.
# shellcheck source=SCRIPTDIR/node.sh
source "$(dirname "${BASH_SOURCE[0]}")/node.sh"
trap end_node EXIT
count=$([[ ${2-} == --quick ]] && echo 10 || echo 50)
cat > "$scratch/prepare" << END
#!/bin/sh
"$BENCH_BEAMD" stop > /dev/null 2>&1
rm -rf "$XDG_RUNTIME_DIR"/* "$XDG_STATE_HOME"/*
END
chmod +x "$scratch/prepare"
hyperfine_options=(--warmup 2 --runs "$count" --prepare "$scratch/prepare")
figure node_cold beamcore "$(median_ms "$BENCH_CHATCTL" list)" ms
