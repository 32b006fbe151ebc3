#!/bin/bash
# SPDX-License-Identifier: MIT
# headers.sh: each public header compiles alone and twice, as C11 and C++17 with gcc and clang; each
# internal header compiles alone as C11.
set -u
cd "$(dirname "$0")/.."
bad=0

alone() { # header include-directory compiler...
	local header=$1
	shift
	printf '#include "%s"\n#include "%s"\n' "$header" "$header" |
		"$@" -Wall -Wextra -Werror -fsyntax-only - || { echo "$header: $*"; bad=1; }
}

while IFS= read -r header; do
	for compiler in gcc clang; do
		alone "$header" $compiler -x c -std=c11 -Iinclude
	done
	for compiler in g++ clang++; do
		alone "$header" $compiler -x c++ -std=c++17 -Iinclude
	done
done < <(find include -name '*.h' -printf '%P\n' | sort)

while IFS= read -r header; do
	alone "$header" gcc -x c -std=c11 -D_GNU_SOURCE -Iinclude -Isrc
done < <(find src -name '*.h' -printf '%P\n' | sort)
exit $bad
