#!/bin/bash
# SPDX-License-Identifier: MIT
# record-trace.sh FILE.lackey.zst FROM COUNT COMMAND...: run the command under Valgrind's lackey and keep
# its references FROM ... FROM + COUNT - 1, counted from 0. Says what was kept. docs/traces.md has examples.
set -euo pipefail

[ $# -ge 4 ] || { sed -n '3,4s/^# //p' "$0" >&2; exit 2; }
file=$1 from=$2 count=$3
shift 3
for tool in valgrind zstd; do
	command -v $tool >/dev/null || { echo "needs $tool: apt-get install $tool" >&2; exit 1; }
done

work=$(mktemp -d)
mkfifo "$work/log"
valgrind --tool=lackey --trace-mem=yes --log-fd=9 "$@" 9>"$work/log" >/dev/null 2>&1 </dev/null &
program=$!
# Once enough is there the program need not end: nothing of it is wanted any more.
trap 'kill -KILL $program 2>/dev/null || true; rm -rf "$work"' EXIT

awk -v from="$from" -v count="$count" '
	!/^(I | [LSM]) [0-9a-f]+,[0-9]+$/ { next }
	n++ < from { next }
	{ print }
	n >= from + count { exit }' "$work/log" |
	zstd -19 --ultra -q -f -o "$file"

zstd -dcq "$file" | awk -v file="$file" '
	function number(hex,   i, n) {
		for (i = 1; i <= length(hex); i++)
			n = n * 16 + index("0123456789abcdef", substr(hex, i, 1)) - 1
		return n
	}
	{
		split($2, at, ",")
		digits = length(at[1])
		first = substr(at[1], 1, digits - 3)
		if (!(first in page))
			page[first] = number(first)
		seen[page[first]]
		if (at[2] > 1 && number(substr(at[1], digits - 2)) + at[2] > 4096)
			seen[page[first] + 1]
		kind[$1]++
	}
	END {
		for (p in seen)
			pages++
		printf "%s: %d references (I %d, L %d, S %d, M %d), %d pages\n", file, NR, \
			kind["I"], kind["L"], kind["S"], kind["M"], pages
	}'
