#!/bin/sh
#
# rustc, for Cargo: what is fuzzed gets what cargo-fuzz gives it without a sanitizer, on stable Rust; all else is
# compiled as ever.

set -eu
for argument in "$@"; do
    case $argument in
    novaroute | novaroute_fuzz | fuzz_targets/*)
        exec "$@" --cfg fuzzing -Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
            -Cllvm-args=-sanitizer-coverage-inline-8bit-counters \
            -Cllvm-args=-sanitizer-coverage-pc-table -Cllvm-args=-sanitizer-coverage-trace-compares
        ;;
    esac
done
exec "$@"
