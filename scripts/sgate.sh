#!/bin/sh
# SPDX-License-Identifier: MIT
# sgate.sh: every statement S-n is named by a test that shows it.
set -eu
cd "$(dirname "$0")/.."

claimed='1-7 9-67'

named=$(find tests -name 'test_*.c' -o -path 'tests/tool/*.sh' | xargs -r grep -ohwE 'S[0-9]+[a-e]?' | sort -u)
missing=
for n in 8a 8b 8c 8d 8e; do
	echo "$named" | grep -qx "S$n" || missing="$missing S$n"
done
for range in $claimed; do
	for n in $(seq "${range%-*}" "${range#*-}"); do
		echo "$named" | grep -qx "S$n" || missing="$missing S$n"
	done
done
[ -z "$missing" ] || { echo "named by no test:$missing"; exit 1; }
