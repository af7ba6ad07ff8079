#!/usr/bin/env bats
# What is installed is what the tools print, and the shells offer what it says.

load helper

completions=$BATS_TEST_DIRNAME/../../completions

# What SHELL offers after LINE, its first word being the tool; one a line, sorted.
offers() {
    local shell=$1 line=$2 tool=${2%% *}
    case $shell in
        bash)
            # shellcheck disable=SC2016
            bash --norc -c 'source "$1"; read -ra COMP_WORDS <<<"$2"
                [[ $2 == *" " ]] && COMP_WORDS+=("")
                COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); "_$3"
                printf "%s\n" "${COMPREPLY[@]}"' bash "$completions/$tool.bash" "$line" "$tool"
            ;;
        zsh) timeout 30 zsh -f "$BATS_TEST_DIRNAME/complete.zsh" "$completions/_$tool" "$line" ;;
        fish)
            # shellcheck disable=SC2016
            fish --no-config -c 'source $argv[1]; complete -C $argv[2]' \
                "$completions/$tool.fish" "$line" | cut -f 1
            ;;
    esac | sort -u
}

# Each line is LINE => WORDS: exactly these are offered.
check_offers() {
    local shell=$1 line wanted got
    command -v "$shell" >/dev/null || skip "$shell is missing"
    while IFS= read -r line; do
        wanted=${line##*=> } line=${line% => *}
        got=$(offers "$shell" "$line" | tr '\n' ' ')
        [ "${got% }" = "$wanted" ] || { echo "$shell, $line: $got, not $wanted"; return 1; }
    done <<'END'
chatctl cr => crash create
chatctl create r => room
chatctl --node x create r => room
chatctl history --si => --since
chatctl --color  => always auto never
beamd st => status stop
beamd logs --fol => --follow
faultlab at => attack
faultlab run --strategy  => one_for_all one_for_one rest_for_one simple_one_for_one
faultlab script --ch => --check
observer pro => processes
observer processes --so => --socket --sort
observer processes --sort  => memory name pid queue rate reductions
observer kill --wr => --write
observer kill --reason s => shutdown
observer completion --color a => always auto
cache ex => explain
cache get --or => --or-run
ratelimit rule s => set
ratelimit check --algorithm  => bucket fixed sliding
breaker st => status
breaker list --state h => half_open
presence log => login logout
presence watch --ch => --changes
kv inc => incr
kv cluster recover --ac => --accept-data-loss
kv put --if => --if-absent
kv cluster st => status
kv cluster re => rebalance recover rejoin remove
kv --node nodeB cluster init --r => --rf
kv cluster remove --y => --yes
END
}

@test "the completions that are installed are those that the tools print" {
    local tool
    for tool in cache beamd breaker chatctl faultlab kv observer presence ratelimit; do
        "$tool" completion bash | diff -u "$completions/$tool.bash" -
        "$tool" completion zsh | diff -u "$completions/_$tool" -
        "$tool" completion fish | diff -u "$completions/$tool.fish" -
    done
}

@test "every command and option that kv has is in its manual page" {
    local page=$BATS_TEST_DIRNAME/../../man/kv.1.scd word words=()
    mapfile -t words < <(kv completion bash | sed -n "s/^ *'[^']*') words='\(.*\)' ;;$/\1/p" | tr ' ' '\n' |
        sort -u | grep -vxE -- '--help|batch|config|completion|bash|zsh|fish|--origin')
    [ ${#words[@]} -gt 40 ]
    for word in "${words[@]}"; do
        sed 's|[\\]||g' "$page" | grep -qE -- "(^|[^a-z-])$word([^a-z-]|$)" || { echo "not in kv(1): $word"; return 1; }
    done
}

@test "bash offers what may come next" {
    check_offers bash
}

@test "zsh offers what may come next" {
    check_offers zsh
}

@test "fish offers what may come next" {
    check_offers fish
}

@test "nothing that a shell cannot read is offered for a value it knows nothing of" {
    command -v fish >/dev/null || skip "fish is missing"
    touch "$HOME/a-file"
    [ -z "$(offers fish "chatctl history --since ")" ]
    [ "$(offers fish "chatctl --config a-")" = a-file ]
}
