#!/bin/sh
# SPDX-License-Identifier: MIT
# run.sh BUILD-DIRECTORY: install it elsewhere and use it from there, by pkg-config and by CMake.
set -eu
source=$(cd "$(dirname "$0")" && pwd)
where=$(mktemp -d)
trap 'rm -rf "$where"' EXIT

# The first program of a section of the README.
program_of() {
	awk -v title="## $1" '$0 == title {here = 1} here && /^```$/ && inside {exit}
		inside {print} here && /^```c$/ {inside = 1}' "$source/../../README.md"
}

cmake --install "$1" --prefix "$where/prefix" >/dev/null
cd "$where"
pc=$(find prefix -name ntmm.pc)
libdir=$where/$(dirname "$(dirname "$pc")")
export PKG_CONFIG_PATH="$where/$(dirname "$pc")" LD_LIBRARY_PATH="$libdir"

flags=$(pkg-config --cflags --libs ntmm)
gcc -std=c11 -Wall -Wextra -Werror "$source/program.c" $flags -o c11
g++ -std=c++17 -Wall -Wextra -Werror "$source/program.cc" $flags -o cxx17
windows=-I$(pkg-config --variable=win32includedir ntmm)
program_of "Port a Windows program" >port.c
program_of "A machine" >machine.c
gcc -std=c11 -Wall -Wextra -Werror "$windows" port.c $flags -o port-c11
g++ -std=c++17 -Wall -Wextra -Werror "$windows" -x c++ port.c -x none $flags -o port-cxx17
gcc -std=c11 -Wall -Wextra -Werror machine.c $flags -o machine
gcc -std=c11 "$source/program.c" $(pkg-config --static --cflags ntmm) "$libdir/libntmm.a" \
	$(pkg-config --static --libs-only-other ntmm) -o static
for program in c11 cxx17 static machine port-c11 port-cxx17; do
	echo "pkg-config: $program"
	"./$program"
done

if [ -e /usr/include/sqltypes.h ]; then
	echo "beside unixODBC's headers"
	gcc -std=c11 -Wall -Wextra -Werror "$windows" "$source/odbc.c" $flags -o odbc
	g++ -std=c++17 -Wall -Wextra -Werror "$windows" -x c++ "$source/odbc.c" -x none $flags -o odbc++
	./odbc
	./odbc++
else
	echo "skipped: unixODBC's headers are not here (Debian: unixodbc-dev)"
fi
if command -v x86_64-w64-mingw32-gcc >/dev/null; then
	echo "beside mingw-w64's headers"
	x86_64-w64-mingw32-gcc -std=c11 -Wall -Wextra -Werror -fsyntax-only \
		$(pkg-config --cflags ntmm) "$source/wintypes.c"
else
	echo "skipped: no x86_64-w64-mingw32-gcc (Debian: gcc-mingw-w64-x86-64)"
fi

echo "find_package:"
cmake -G Ninja -S "$source" -B build -DPORTED="$where/port.c" -DCMAKE_PREFIX_PATH="$where/prefix" >log 2>&1 &&
	ninja -C build >>log 2>&1 || { cat log; exit 1; }
ctest --test-dir build --output-on-failure

[ ! -e prefix/bin/ntmm ] || prefix/bin/ntmm --version
