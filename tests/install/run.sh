#!/bin/sh
# SPDX-License-Identifier: MIT
# run.sh BUILD-DIRECTORY: install it elsewhere and use it from there, by pkg-config and by CMake.
set -eu
source=$(cd "$(dirname "$0")" && pwd)
where=$(mktemp -d)
trap 'rm -rf "$where"' EXIT

cmake --install "$1" --prefix "$where/prefix" >/dev/null
cd "$where"
pc=$(find prefix -name ntmm.pc)
libdir=$where/$(dirname "$(dirname "$pc")")
export PKG_CONFIG_PATH="$where/$(dirname "$pc")" LD_LIBRARY_PATH="$libdir"

flags=$(pkg-config --cflags --libs ntmm)
gcc -std=c11 -Wall -Wextra -Werror "$source/program.c" $flags -o c11
g++ -std=c++17 -Wall -Wextra -Werror "$source/program.cc" $flags -o cxx17
gcc -std=c11 -Wall -Wextra -Werror -I"$(pkg-config --variable=win32includedir ntmm)" \
	"$source/windows.c" $flags -o windows
gcc -std=c11 "$source/program.c" $(pkg-config --static --cflags ntmm) "$libdir/libntmm.a" \
	$(pkg-config --static --libs-only-other ntmm) -o static
for program in c11 cxx17 windows static; do
	echo "pkg-config: $program"
	"./$program"
done

echo "find_package:"
cmake -G Ninja -S "$source" -B build -DCMAKE_PREFIX_PATH="$where/prefix" >log 2>&1 &&
	ninja -C build >>log 2>&1 || { cat log; exit 1; }
ctest --test-dir build --output-on-failure

[ ! -e prefix/bin/ntmm ] || prefix/bin/ntmm --version
