#!/bin/sh
# Builds the native kernels for the machine that runs this, with the C compiler that it has:
#
#   build.sh FOLDER     writes FOLDER/<system>-<processor>/libmillrace_kernels.so
#
# CC names another compiler. A machine without one builds all the same: then the kernels on the
# Vector API do everything. So this says what happened, and never fails.
set -u

say() { printf 'native kernels: %s\n' "$*"; }

leave_out() {
  say "left out, the Vector API serves alone: $*"
  exit 0
}

cc=${CC:-cc}
sources=$(cd "$(dirname "$0")" && pwd -P)
[ $# -eq 1 ] || leave_out "build.sh takes the folder to write to, got $# arguments"
command -v "$cc" >/dev/null 2>&1 || leave_out "there is no C compiler '$cc'"

case $(uname -s) in
  Linux) system=linux suffix=so ;;
  Darwin) system=macos suffix=dylib ;;
  *) leave_out "they are made for Linux and macOS, this is $(uname -s)" ;;
esac

# The compiler decides for whom it compiles, which may be another processor than this one.
machine=$("$cc" -dumpmachine 2>/dev/null || uname -m)
case $machine in
  x86_64* | amd64*) processor=x86_64 variants='avx2 avxvnni avx512' ;;
  aarch64* | arm64*) processor=aarch64 variants=neon ;;
  *) leave_out "they are made for x86-64 and ARM64, this compiles for $machine" ;;
esac

folder=$1/$system-$processor
library=$folder/libmillrace_kernels.$suffix
mkdir -p "$folder" || leave_out "cannot write to $folder"
if [ -f "$library" ] && [ -z "$(find "$sources" -newer "$library" | head -n 1)" ]; then
  exit 0
fi

rm -f "$library" # or an older one would stay where this fails
objects=$(mktemp -d) || leave_out "there is no room for temporary files"
trap 'rm -rf "$objects"' EXIT

# Exactness: no operation may be fused, reordered or approximated that the source does not say so.
common='-std=c11 -O3 -fPIC -fvisibility=hidden -fno-strict-aliasing -Wall -Wextra
  -ffp-contract=off -fno-math-errno -fno-trapping-math'

options_of() {
  case $1 in
    avx2) echo '-mavx2 -mfma -mf16c' ;;
    avxvnni) echo '-mavx2 -mfma -mf16c -mavxvnni' ;;
    avx512) echo '-mavx2 -mfma -mf16c -mavx512f -mavx512bw -mavx512dq -mavx512vl -mavx512vnni' ;;
    neon) echo '-march=armv8.2-a+dotprod' ;;
  esac
}

compile() {
  # shellcheck disable=SC2046,SC2086 # options are words
  "$cc" $common $(options_of "$1") -c "$sources/variant_$1.c" -o "$objects/$1.o" \
    2>"$objects/$1.log"
}

# An old compiler may not know the newest instructions: each variant stands for itself.
for variant in $variants; do
  compile "$variant" &
done
wait
built=
with=
for variant in $variants; do
  if [ -f "$objects/$variant.o" ]; then
    built="$built $variant"
    with="$with -DWITH_$(echo "$variant" | tr '[:lower:]' '[:upper:]') $objects/$variant.o"
  else
    say "$cc does not build $variant: $(grep -m 1 error "$objects/$variant.log")"
  fi
done
[ -n "$built" ] || leave_out "$cc built none of $variants"

# shellcheck disable=SC2086 # options are words
if "$cc" $common -shared $with "$sources/kernels.c" -lm -o "$objects/library" \
  2>"$objects/link.log"; then
  mv "$objects/library" "$library"
  say "built$built for $system-$processor with $cc"
else
  leave_out "$cc cannot link: $(grep -m 1 error "$objects/link.log" || head -n 1 "$objects/link.log")"
fi
