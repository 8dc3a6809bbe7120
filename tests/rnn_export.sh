#!/usr/bin/env bash
# Exports models of all kinds as C, compiles them, and compares them with the library. If arm-none-eabi-gcc and
# qemu-system-arm are installed, it also compares them on an emulated Cortex-M4.
#   tests/rnn_export.sh BUILD_DIR [CONFIGURATION]
# CONFIGURATION is needed only for a build directory with several configurations.
set -u

support=$(dirname "$(realpath "$0")")/support
# shellcheck source=tests/support/commands.sh
source "$support/commands.sh"
[[ $# -lt 1 ]] || exported=$(realpath "$1")/tests/${2:+$2/}exported
begin rnn_export "$@"
[[ -x $exported ]] || { echo "$0: there is no program $exported" >&2; exit 2; }

strict=(-Wall -Wextra -Werror -pedantic)
cortex_m4=(-mcpu=cortex-m4 -mthumb -mfloat-abi=hard -mfpu=fpv4-sp-d16)
has_cortex=0
if command -v arm-none-eabi-gcc > /dev/null && command -v qemu-system-arm > /dev/null; then
    has_cortex=1
else
    echo "not run on a Cortex-M4: arm-none-eabi-gcc or qemu-system-arm is missing"
fi

# Tests that net.c calls no function of another file. A compiler may add calls of memcpy() and memset() by itself.
calls_nothing() { # OBJECT NAME [PREFIX]: PREFIX is that of the target's nm
    "${3:-}nm" -u "$1" | grep -vE ' (memcpy|memset|_GLOBAL_OFFSET_TABLE_)$' > undefined &&
        fail "$2: it needs $(tr '\n' ' ' < undefined)"
}

check_here() { # TOLERANCE NAME
    if ! cc -std=c99 -O2 -ffreestanding "${strict[@]}" -c net.c -o net.o 2> err ||
        ! cc -std=c99 -O1 "${strict[@]}" -I. -DTOLERANCE="$1" "$support/exported_check.c" net.o -o check 2> err; then
        fail "$2 doesn't compile: $(head -n 3 err)"
        return
    fi
    calls_nothing net.o "$2"
    ./check || fail "$2: status $?"
}

check_on_cortex() { # TOLERANCE NAME
    if ! arm-none-eabi-gcc "${cortex_m4[@]}" -std=c99 -Os -ffreestanding "${strict[@]}" -c net.c -o net.o 2> err ||
        ! arm-none-eabi-gcc "${cortex_m4[@]}" -std=gnu99 -Os -ffreestanding "${strict[@]}" -nostdlib -I. \
            -DTOLERANCE="$1" -T "$support/cortex_m4.ld" "$support/exported_check.c" "$support/cortex_m4.c" net.o \
            -lgcc -o check.elf 2> err; then
        fail "$2 doesn't compile for a Cortex-M4: $(head -n 3 err)"
        return
    fi
    calls_nothing net.o "$2 on a Cortex-M4" arm-none-eabi-
    timeout 120 qemu-system-arm -M mps2-an386 -display none -monitor none -serial none \
        -semihosting-config enable=on,target=native -kernel check.elf < /dev/null || fail "$2 on a Cortex-M4: status $?"
}

# ---- All kinds of models ----
for kind in $("$exported" kinds); do
    "$exported" create "$kind" "$kind.safetensors" || fail "can't make $kind"
    [[ $kind != bidirectional ]] || continue
    "$exported" expect "$kind.safetensors" expected.h || fail "can't run $kind"
    for int8 in "" --int8; do
        tolerance=1e-5
        [[ -z $int8 ]] || tolerance=0.5 # there the loss counts
        succeeds "exports $kind $int8" "$kind.safetensors" ${int8:+"$int8"} --out net.c
        shows '^net.c: [0-9]+ bytes of constants, [0-9]+ bytes of state' "tells the sizes of $kind"
        check_here $tolerance "$kind $int8"
        [[ $has_cortex -eq 0 ]] || check_on_cortex $tolerance "$kind $int8"
    done
done

# ---- Two models in one program ----
succeeds "exports a GRU" gru_both.safetensors --name first --out first.c
succeeds "exports an LSTM" lstm_norm.safetensors --int8 --name second --out second.c
cat > both.c << 'END'
#include "first.c"
#include "second.c"
#include "first.c"

#include <math.h>
#include <stdio.h>

static void compare(const char *name, double approximate, double exact, double x)
{
    if (!(fabs(approximate - exact) < 3e-7))
        printf("%s(%g) is wrong by %g\n", name, x, approximate - exact);
}

int main(void)
{
    static first_state a;
    static second_state b;
    static float outputs[first_outputs];
    first_reset(&a);
    first_step(&a, 0, outputs);
    second_reset(&b);
    second_step(&b, 0, outputs);
    for (float x = -200; x < 200; x = x + 0.0007f) {
        compare("sigmoid", first_sigmoid(x), 1 / (1 + exp(-(double)x)), x);
        compare("tanh", first_tanh(x), tanh(x), x);
        compare("tanh", second_tanh(x / 64), tanh(x / 64), x / 64);
    }
    compare("tanh", first_tanh(INFINITY), 1, 0);
    compare("sigmoid", first_sigmoid(-INFINITY), 0, 0);
    return sizeof a == first_state_bytes && sizeof b == second_state_bytes ? 0 : 1;
}
END
for name in first second; do
    echo "enum { ${name}_state_bytes = $(sed -n 's/^ \*     state *\([0-9]*\) bytes$/\1/p' $name.c) };" >> bytes.h
done
cc -std=c99 -O2 -include bytes.h both.c -lm -o both 2> err || fail "two models in one file: $(head -n 3 err)"
./both > out || fail "the sizes of states"
[[ ! -s out ]] || fail "sigmoid and tanh: $(head -n 3 out)"
if command -v c++ > /dev/null; then
    printf '#define first_DECLARATIONS\n#include "first.c"\n%s\n' \
        'int main() { first_state s; float o[first_outputs]; first_reset(&s); first_step(&s, 1, o); }' > plugin.cpp
    { cc -std=c99 -c first.c && c++ -Wall -Wextra -Werror plugin.cpp first.o -o plugin; } 2> err ||
        fail "C++ with the declarations: $(head -n 3 err)"
    c++ -x c++ -Wall -Wextra -Werror -c second.c -o second.o 2> err || fail "compiled as C++: $(head -n 3 err)"
fi

# ---- The plug-in of docs/embedded.md ----
succeeds "exports an amplifier" gru_vectors.safetensors --name amp --out amp.c
# shellcheck disable=SC2016 # the backticks aren't command substitutions
sed -n '/^```c$/,/^```$/{/^```/!p}' "$support/../../docs/embedded.md" > plugin.c
[[ -s plugin.c ]] || fail "docs/embedded.md has no program"
cc -std=c99 "${strict[@]}" -c plugin.c -o plugin.o 2> err || fail "the plug-in: $(head -n 3 err)"

# ---- Help and mistakes ----
succeeds "explains itself" --help
shows '^usage: rnn_export MODEL' "explains itself"
succeeds "writes to standard output" gru_both.safetensors --name first
same out first.c "standard output gets another file"
refuses "refuses a bidirectional model" "can't run step by step" bidirectional.safetensors
refuses "refuses a name" "--name is '2nd'; it must be a letter" gru_both.safetensors --name 2nd
refuses "refuses an empty name" "--name is ''" gru_both.safetensors --name ""
refuses "needs a model" "give one model, not 0" --int8
refuses "refuses a file that isn't a model" "text" text
refuses "refuses to overwrite the model" "to be overwritten" gru_both.safetensors --out gru_both.safetensors
refuses "refuses a directory" "can't write \." gru_both.safetensors --out .
if [[ -e /dev/full ]]; then
    refuses "notices a full disk" "can't write /dev/full" gru_both.safetensors --out /dev/full
fi

finish
