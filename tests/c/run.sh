#!/bin/sh
# SPDX-License-Identifier: MIT
# Builds and runs the C tests: tests/c/run.sh [CC ...] (default: cc), from any directory. Stops at the first failure.
# Python (the variable PYTHON, by default python3) writes the vectors as a C header first.
set -eu

here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
core=$here/../../csrc
fuzz=$here/../fuzz
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
trap 'exit 1' HUP INT TERM

"${PYTHON:-python3}" "$here/make_vectors.py"

strict='-std=c99 -pedantic -Wall -Wextra -Wconversion -Werror'

fail() {
    echo "FAILED $cc: $*" >&2
    exit 1
}

# say WHAT RESULT: the line of one step.
say() {
    printf '%s: %s: %s\n' "$cc" "$1" "$2"
}

# accepts FLAGS: whether the compiler makes a program with them that runs.
accepts() {
    echo 'int main(void) { return 0; }' >"$dir/probe.c"
    # shellcheck disable=SC2086 # lists of flags are split on purpose, here and below
    "$cc" $1 "$dir/probe.c" -o "$dir/probe" >"$dir/out" 2>&1 && "$dir/probe" >"$dir/out" 2>&1
}

# run_tests FLAGS SOURCE...: the core, without (levenberg.c, which includes bitprop.c) and with SIMD (simd.c, which takes long to compile), and the
# test program, built with them and run.
run_tests() {
    flags=$1
    shift
    for source in "$@"; do
        # shellcheck disable=SC2086
        "$cc" $flags -I "$core" "$core/$source" "$here/test_bitprop.c" -lm -o "$dir/tests" ||
            fail "$source, $flags: does not build"
        "$dir/tests" >"$dir/out" 2>&1 || { cat "$dir/out" >&2; fail "$source, $flags: tests"; }
        say "$source, $flags" "$(tail -n 1 "$dir/out")"
    done
}

# refuse MESSAGE FLAGS [OPTION ...]: the core must not compile, and must say why itself. The options are not told.
refuse() {
    message=$1
    flags=$2
    shift 2
    # shellcheck disable=SC2086
    if "$cc" -std=c99 $flags "$@" -c "$core/bitprop.c" -o "$dir/refused.o" >"$dir/out" 2>&1; then
        fail "$flags: compiles, but must be refused"
    fi
    grep -q "error: .*\"bitprop: $message" "$dir/out" || { cat "$dir/out" >&2; fail "$flags: not our message"; }
    say "$flags" refused
}

# The C++ compiler that belongs to $cc: g++-12 to gcc-12, clang++ to clang, c++ to cc.
cxx_of() {
    case ${1##*/} in
    *clang*) echo "$1" | sed 's/clang\([^/]*\)$/clang++\1/' ;;
    *gcc*) echo "$1" | sed 's/gcc\([^/]*\)$/g++\1/' ;;
    *cc) echo "$1" | sed 's/cc$/c++/' ;;
    *) echo none ;;
    esac
}

check_cxx() {
    cxx=$(cxx_of "$cc")
    if ! command -v "$cxx" >"$dir/out"; then
        say 'C++ header' "skipped, no compiler $cxx"
        return
    fi
    cat >"$dir/header.cpp" <<'END'
#include "bitprop.h"
#include "bitprop.h"
int main() { return bp_abi() == BP_ABI && bp_self_test() == BP_OK ? 0 : 1; }
END
    "$cc" -std=c99 -O2 -ffp-contract=off -c "$core/bitprop.c" -o "$dir/core.o"
    "$cxx" -std=c++11 -Wall -Wextra -pedantic -Werror -I "$core" "$dir/header.cpp" "$dir/core.o" -o "$dir/header" ||
        fail "$cxx: header"
    "$dir/header" || fail "$cxx: self-test"
    say 'C++ header' "passed with $cxx"
}

# With SIMD, the fuzzed programs run on their corpus as well, since the object is there.
check_sanitized() {
    sanitize='-fsanitize=address,undefined -fno-sanitize-recover=all'
    if ! accepts "$sanitize"; then
        [ "${CI:-}" != true ] || fail "$sanitize: not supported here"
        say "$sanitize" 'skipped, not supported here'
        return
    fi
    case $("$cc" -dM -E -x c /dev/null) in
    # These checks of pointers would take clang four fifths of the time that simd.c takes; gcc does them, and the core
    # without SIMD, which simd.c contains.
    *__clang__*) sanitize="$sanitize -fno-sanitize=null,alignment,object-size,pointer-overflow" ;;
    *) run_tests "$strict -O1 -g -ffp-contract=off $sanitize" levenberg.c ;;
    esac
    flags="$strict -O1 -g -ffp-contract=off $sanitize -I $core"
    # shellcheck disable=SC2086
    "$cc" $flags -c "$core/simd.c" -o "$dir/simd.o" || fail "simd.c, $flags: does not build"
    # shellcheck disable=SC2086
    "$cc" $flags "$here/test_bitprop.c" "$dir/simd.o" -lm -o "$dir/tests" || fail "simd.c, $flags: does not build"
    "$dir/tests" >"$dir/out" 2>&1 || { cat "$dir/out" >&2; fail "simd.c, $flags: tests"; }
    say "simd.c, $sanitize" "$(tail -n 1 "$dir/out")"
    replay_corpus simd.o
}

# replay_corpus OBJECT: what the fuzzers have found, with memory of just the documented sizes between guard pages.
replay_corpus() {
    for target in decode levenberg train; do
        # shellcheck disable=SC2086
        "$cc" $flags "$fuzz/$target.c" "$fuzz/replay.c" "$dir/$1" -o "$dir/$target" || fail "$target: does not build"
        "$dir/$target" "$fuzz/corpus/$target"/* >"$dir/out" 2>&1 || { cat "$dir/out" >&2; fail "fuzz/$target"; }
        say "fuzz/$target, $sanitize" "$(tail -n 1 "$dir/out")"
    done
}

# Embedders bring at most memory functions, which every freestanding C needs, and the core keeps no state. With SIMD it
# also asks the compiler's own library what the processor has.
check_symbols() {
    for each in bitprop.c:-O0 bitprop.c:-O2 bitprop.c:-O3 levenberg.c:-O2 simd.c:-O2; do
        source=${each%:*}
        level=${each#*:}
        # None of these is the core's: some systems' compilers call their own helpers by default, or relocate tables.
        "$cc" -std=c99 -ffreestanding $level -ffp-contract=off -U_FORTIFY_SOURCE -fno-stack-protector -fno-pie \
            -c "$core/$source" -o "$dir/free.o" || fail "$source, -ffreestanding $level: does not compile"
        nm "$dir/free.o" >"$dir/symbols"
        grep -q ' T _*bp_train$' "$dir/symbols" || fail "$source, -ffreestanding $level: nm does not show bp_train"
        if nm -u "$dir/free.o" | awk '{ print $NF }' | sed 's/^_//' | grep -vE '^(mem(cpy|set)|_cpu_[a-z0-9_]+)$'; then
            fail "$source, -ffreestanding $level: needs the symbols above"
        fi
        if grep -E '(^| )[BbDdCSsGg] ' "$dir/symbols"; then
            fail "$source, -ffreestanding $level: writable globals, see above"
        fi
    done
    say '-ffreestanding' 'needs only memcpy and memset; no writable globals'
}

# Processors with arithmetic on _Float16 change FLT_EVAL_METHOD, and nothing for double.
check_float16() {
    for target in -mavx512fp16 -march=sapphirerapids; do
        if ! "$cc" $target -E -x c /dev/null >"$dir/out" 2>&1; then
            say "$target" 'skipped, not known to this compiler'
        elif grep -qs avx512_fp16 /proc/cpuinfo; then
            run_tests "-O2 $target" levenberg.c simd.c
        else
            for source in levenberg.c simd.c; do
                "$cc" -O2 $target -c "$core/$source" -o "$dir/float16.o" || fail "$source, -O2 $target: does not build"
            done
            say "-O2 $target" 'builds; not run, this processor lacks AVX512-FP16'
        fi
    done
}

check_refusals() {
    macros=$("$cc" -dM -E -x c /dev/null)
    refuse '-ffast-math and its parts' '-ffast-math'
    refuse '-ffast-math and its parts' '-ffinite-math-only'
    case $macros in
    *__clang__*) ;; # has no macro to tell reassociation by: check_hidden
    *) refuse '-ffast-math and its parts' '-fassociative-math -fno-signed-zeros -fno-trapping-math' ;;
    esac
    case $macros in
    *__x86_64__*)
        # Headers only, without a 32-bit C library: its list of stubs is the one that would be missing.
        mkdir -p "$dir/x87/gnu"
        : >"$dir/x87/gnu/stubs-32.h"
        refuse 'double must be evaluated as double' '-m32 -mfpmath=387' \
            -isystem "$dir/x87" -isystem /usr/include/x86_64-linux-gnu
        ;;
    esac
}

# Parts of -ffast-math that change bits are refused: by the source, or where no macro shows them by the self-test.
check_hidden() {
    cat >"$dir/status.c" <<'END'
#include "bitprop.h"
int main(void) { return bp_self_test() == BP_E_REORDERED ? 0 : 1; }
END
    for flags in -freciprocal-math -fno-signed-zeros '-fassociative-math -fno-signed-zeros -fno-trapping-math'; do
        # shellcheck disable=SC2086
        if "$cc" -O2 -ffp-contract=off $flags -I "$core" "$core/bitprop.c" "$dir/status.c" -o "$dir/status" 2>"$dir/out"; then
            "$dir/status" || fail "$flags: compiles, and the self-test passes"
            say "$flags" 'found by the self-test'
        else
            grep -q 'error: .*"bitprop: -ffast-math' "$dir/out" || { cat "$dir/out" >&2; fail "$flags: not our message"; }
            say "$flags" refused
        fi
    done
}

if [ $# -eq 0 ]; then
    set -- cc
fi
for cc in "$@"; do
    command -v "$cc" >"$dir/out" || fail 'no such compiler'
    native=-march=native
    accepts "$native" || native=
    for level in -O0 -O2 "-O3${native:+ $native}"; do
        run_tests "$strict $level -ffp-contract=off" levenberg.c
    done
    run_tests "$strict -O2 -ffp-contract=off" simd.c
    # The compiler's own dialect and its default for contraction, against which the core's pragma stands.
    run_tests "-O3${native:+ $native}" levenberg.c simd.c
    check_cxx
    check_sanitized
    check_symbols
    check_float16
    check_refusals
    check_hidden
done
