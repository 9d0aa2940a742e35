#!/bin/sh
# SPDX-License-Identifier: MIT
# Builds for a bare Cortex-M4 and runs under QEMU: train_xor.c, whose fingerprint is that of `bitprop train`; then the
# sizes, instructions and stack that docs/embedding.md shows. Needs arm-none-eabi-gcc with newlib, qemu-system-arm, and
# the command bitprop (BITPROP names another one).
#     sh examples/embedded/run.sh             everything
#     sh examples/embedded/run.sh train       the training alone
set -eu

here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
core=$here/../../csrc
bitprop=${BITPROP:-bitprop}
case ${1:-all} in
all | train) ;;
*)
    echo "run.sh: $1 is unknown, expected train or nothing" >&2
    exit 2
    ;;
esac
for program in arm-none-eabi-gcc qemu-system-arm; do
    if ! command -v $program >/dev/null; then
        echo "run.sh: no $program here; Debian has gcc-arm-none-eabi, libnewlib-arm-none-eabi and qemu-system-arm" >&2
        exit 2
    fi
done
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cpu='-mcpu=cortex-m4 -mthumb -mfpu=fpv4-sp-d16 -mfloat-abi=hard'
board="-nostartfiles --specs=rdimon.specs -T $here/mps2.ld $here/start.c"

# build PROGRAM SOURCE...: for the board, optimised for size.
build() {
    program=$1
    shift
    # shellcheck disable=SC2086 # lists of flags are split on purpose, here and below
    arm-none-eabi-gcc $cpu -std=c99 -Os -ffp-contract=off -ffunction-sections -fdata-sections -Wl,--gc-sections \
        -I "$core" -I "$dir" $board "$@" -o "$program"
}

# run PROGRAM [OPTION ...]
run() {
    program=$1
    shift
    qemu-system-arm -M mps2-an386 -nographic -monitor none -serial none -semihosting-config enable=on,target=native \
        "$@" -kernel "$program"
}

# size_of TEXT ROOT SOURCE: code and constants that the functions ROOT (commas between) need of one source file, without
# software arithmetic and the C library.
size_of() {
    undefined=$(echo "$2" | sed 's/[^,]*/-u,&/g')
    # shellcheck disable=SC2086
    arm-none-eabi-gcc $cpu -std=c99 -Os -ffp-contract=off -ffunction-sections -fdata-sections \
        -I "$core" -I "$dir" -r -nostdlib -Wl,--gc-sections "-Wl,$undefined" "$3" -o "$dir/part.o"
    arm-none-eabi-size "$dir/part.o" |
        awk -v text="$1" 'NR == 2 { printf "%-48s %6d flash, %5d static RAM\n", text, $1 + $2, $2 + $3 }'
}

build "$dir/train.elf" "$core/bitprop.c" "$here/train_xor.c"
run "$dir/train.elf"
if [ "${1:-}" = train ]; then
    exit
fi

if ! command -v "$bitprop" >/dev/null; then
    echo "run.sh: no command $bitprop here; activate its environment, or set BITPROP=/path/to/bitprop" >&2
    exit 2
fi
# quietly COMMAND...: what it prints is shown only where it fails.
quietly() {
    "$@" >"$dir/out" 2>&1 || {
        cat "$dir/out" >&2
        exit 1
    }
}
quietly "$bitprop" train xor --no-bias --epochs 1000 --save "$dir/xor.json"
quietly "$bitprop" export "$dir/xor.json" --to c --out "$dir/xor.h"
printf '%s\n' '#include "xor.h"' 'void predict(double *y, const double *x);' \
    'void predict(double *y, const double *x) { xor_predict(y, x); }' >"$dir/predict.c"
size_of 'exported header, 2-4-4-1 and its weights' predict "$dir/predict.c"
size_of 'bitprop.c, bp_forward' bp_forward "$core/bitprop.c"
size_of 'bitprop.c, bp_predict' bp_predict "$core/bitprop.c"
size_of 'bitprop.c, bp_init and bp_train' bp_init,bp_train_start,bp_train "$core/bitprop.c"
size_of 'the same with self-test, encode, decode, predict' \
    bp_init,bp_train_start,bp_train,bp_predict,bp_self_test,bp_encode,bp_decode_shape,bp_decode_parameters "$core/bitprop.c"
# The same header with the software arithmetic that it calls, linked, but without start-up code and printf.
# shellcheck disable=SC2086
arm-none-eabi-gcc $cpu -std=c99 -Os -ffp-contract=off -ffunction-sections -I "$dir" -nostartfiles --specs=nosys.specs \
    -Wl,--gc-sections,-e,predict "$dir/predict.c" -o "$dir/linked.elf"
arm-none-eabi-size "$dir/linked.elf" |
    awk 'NR == 2 { printf "%-48s %6d flash\n", "exported header, linked with software arithmetic", $1 + $2 }'
build "$dir/measure.elf" "$core/bitprop.c" "$here/measure.c"
run "$dir/measure.elf" -icount shift=0
