#!/bin/sh
# Builds the stand-ins for a driver, for NCCL, for cuBLASLt, and for the runtime library that JavaCPP's
# presets ask for and Millrace never calls:
#
#   build.sh KERNELS FOLDER     KERNELS holds the .cu files; writes FOLDER/libcuda.so.1,
#                               FOLDER/libnccl.so.2, FOLDER/libcublasLt.so.13 and
#                               FOLDER/libcudart.so.13
#
# CXX names another compiler, CXXFLAGS more options. CHECK adds the faulty kernels of planted.cu, and
# "address" builds with the sanitizers of addresses and alignment, whose library
# has to be preloaded; "races" compares all accesses to shared and device memory, see races.cpp.
set -eu
kernels=$1
folder=$2
here=$(cd "$(dirname "$0")" && pwd -P)
check=${CHECK:-}
mkdir -p "$folder"
{
  echo '#include "emulator.h"'
  for file in $(cat "$kernels/files"); do
    printf '#line 1 "%s"\n' "$file"
    cat "$kernels/$file"
  done
  if [ -n "$check" ]; then
    echo '#line 1 "planted.cu"'
    cat "$here/planted.cu"
  fi
} >"$folder/kernels.cpp"
cxx=${CXX:-g++}
options="-std=c++17 -g1 -fPIC -mavx2 -mf16c -ffp-contract=off -fvisibility=hidden -Wall -Wno-unknown-pragmas ${CXXFLAGS:-}"
# The thread sanitizer's calls at every access are answered by races.cpp, not by its library.
instrument=
case "$check" in
  address) options="$options -fsanitize=address,alignment -fno-sanitize-recover=all" ;;
  races) options="$options -DMILLRACE_CHECK_RACES" instrument=-fsanitize=thread ;;
esac
# shellcheck disable=SC2086 # options are words
{
  [ "$check" != races ] || "$cxx" -O2 $options -c "$here/races.cpp" -o "$folder/races.o"
  "$cxx" -O1 $options $instrument -I"$here" -c "$folder/kernels.cpp" -o "$folder/kernels.o"
  "$cxx" -O2 $options -I"$here" -c "$here/emulator.cpp" -o "$folder/emulator.o"
  "$cxx" -O1 $options -I"$here" -c "$here/driver.cpp" -o "$folder/driver.o"
  "$cxx" -O1 $options -I"$here" -c "$here/failures.cpp" -o "$folder/failures.o"
  "$cxx" $options -shared -Wl,-soname,libcuda.so.1 "$folder"/*.o -ldl -o "$folder/libcuda.so.1"
  "$cxx" -O1 $options -shared -Wl,-soname,libnccl.so.2 "$here/nccl.cpp" "$folder/libcuda.so.1" \
    -o "$folder/libnccl.so.2"
  "$cxx" -O3 $options -shared -Wl,-soname,libcublasLt.so.13 "$here/cublaslt.cpp" \
    "$folder/libcuda.so.1" -o "$folder/libcublasLt.so.13"
  printf 'libcudart.so.13 { };\n' >"$folder/versions"
  echo 'int millrace_stands_in_for_cudart;' |
    "$cxx" -x c -fPIC -shared -Wl,-soname,libcudart.so.13 -Wl,--version-script="$folder/versions" \
      - -o "$folder/libcudart.so.13"
}
