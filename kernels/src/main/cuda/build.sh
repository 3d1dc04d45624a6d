#!/bin/sh
# Compiles the kernels for NVIDIA GPUs with CUDA's compiler, one cubin per architecture:
#
#   build.sh FOLDER [ARCHITECTURE...]     writes FOLDER/sm_90.cubin and so on
#
# NVCC names another compiler than the nvcc on the PATH. An architecture's cubin serves the later
# ones of its generation: sm_80 serves 8.x, sm_90 Hopper, sm_100 and sm_120 the two Blackwells.
set -eu

nvcc=${NVCC:-nvcc}
sources=$(cd "$(dirname "$0")/../resources/cuda" && pwd -P)
[ $# -ge 1 ] || { echo "build.sh takes the folder to write to" >&2; exit 1; }
folder=$1
shift
[ $# -gt 0 ] || set -- 80 86 89 90 100 120
command -v "$nvcc" >/dev/null 2>&1 || {
  echo "CUDA kernels: there is no compiler '$nvcc'; install CUDA 13's, or build without -Pcuda" >&2
  exit 1
}
mkdir -p "$folder"
together=$folder/kernels.cu
trap 'rm -f "$together"' EXIT
while read -r file; do
  printf '#line 1 "%s"\n' "$file"
  cat "$sources/$file"
done <"$sources/files" >"$together"

# All at once: each takes most of a minute of one processor.
compilers=
for architecture in "$@"; do
  cubin=$folder/sm_$architecture.cubin
  if [ -f "$cubin" ] && [ -z "$(find "$sources" "$0" -newer "$cubin" | head -n 1)" ]; then
    continue
  fi
  rm -f "$cubin" # or an older one would stay where this fails
  {
    "$nvcc" -arch="sm_$architecture" -cubin -O3 -Werror all-warnings -split-compile=0 \
      -o "$cubin.new" "$together" && mv "$cubin.new" "$cubin"
  } &
  compilers="$compilers $!"
done
for compiler in $compilers; do wait "$compiler"; done
echo "CUDA kernels: $(cd "$folder" && ls sm_*.cubin | tr '\n' ' ')"
