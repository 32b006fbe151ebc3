#!/bin/sh
# SPDX-License-Identifier: MIT
# mingw.sh [DIRECTORY]: compile and link the examples for Windows, into DIRECTORY if there is one.
set -eu
source=$(cd "$(dirname "$0")" && pwd)
compiler=x86_64-w64-mingw32-gcc
command -v $compiler >/dev/null || {
	echo "skipped: no $compiler here (Debian: gcc-mingw-w64-x86-64)"
	exit 77
}
if [ $# -gt 0 ]; then
	where=$1
else
	where=$(mktemp -d)
	trap 'rm -rf "$where"' EXIT
fi
for program in "$source"/*.c; do
	$compiler -std=c11 -O2 -Wall -Wextra -Werror "$program" \
		-o "$where/$(basename "$program" .c).exe"
done
