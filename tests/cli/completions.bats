#!/usr/bin/env bats
# What is installed is what the tools print.

load helper

@test "the completions that are installed are those that the tools print" {
    local folder=$BATS_TEST_DIRNAME/../../completions tool
    for tool in beamd chatctl; do
        "$tool" completion bash | diff -u "$folder/$tool.bash" -
        "$tool" completion zsh | diff -u "$folder/_$tool" -
        "$tool" completion fish | diff -u "$folder/$tool.fish" -
    done
}
