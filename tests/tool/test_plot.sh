#!/bin/sh
# SPDX-License-Identifier: MIT
# Curves drawn by gnuplot, as SVG and as PNG; what is said without gnuplot, or when the file cannot be made.
. "$(dirname "$0")/common"

# 260 pages stored to again and again; then 300 there and back: how many are read depends on the RAM.
awk 'function store(page) { printf " S %08x,8\n", 1048576 + page * 4096 }
	BEGIN {
		for (r = 0; r < 12; r++) for (p = 0; p < 260; p++) store(p)
		for (p = 0; p < 300; p++) store(p)
		for (p = 299; p >= 0; p--) store(p)
	}' >"$work/it's_100%"
command -v gnuplot >/dev/null || complain 'gnuplot is not installed'

# has TEXT: the SVG says that.
has() {
	grep -qF -- ">$1<" "$work/curve.svg" || complain "no '$1' in the picture"
}

# From many page-ins to none: a log scale with a place for 0.
run 0 replay --plot "$work/curve.svg" --ram 1M-1280K+16K "$work/it's_100%"
silent
out 'IN/LRU'
for text in 'RAM of the machine (MB)' 'page-ins (pages), hard faults; log scale' 'exact LRU' optimum \
	'page-ins, clusters off' 'page-ins, clusters on' 'hard faults, clusters on' 0 "it's_100%"; do
	has "$text"
done
grep -q '^</svg>' "$work/curve.svg" || complain 'the SVG does not end'
[ "$(grep -c '<title>' "$work/curve.svg")" -ge 6 ] || complain 'less than five curves'

# The same again is the same; nothing is appended to what was there.
cp "$work/curve.svg" "$work/first"
run 0 replay --plot "$work/curve.svg" --ram 1M-1280K+16K "$work/it's_100%"
cmp -s "$work/first" "$work/curve.svg" || complain 'two pictures differ'

# One machine, without clusters; none that pages.
run 0 replay --plot "$work/curve.svg" --no-clusters --ram 1M "$work/it's_100%"
silent
has 'page-ins, clusters off'
grep -q 'clusters on' "$work/curve.svg" && complain 'a curve without machines'
run 0 replay --plot "$work/curve.svg" --ram 8M,16M "$work/it's_100%"
silent
has 'page-ins (pages), hard faults'

run 0 replay --plot "$work/curve.png" --ram 1M,2M "$work/it's_100%"
silent
[ "$(head -c 8 "$work/curve.png" | od -An -tx1 | tr -d ' ')" = 89504e470d0a1a0a ] || complain 'no PNG'
[ "$(wc -c <"$work/curve.png")" -gt 5000 ] || complain 'an empty PNG'

# What goes wrong.
run 1 replay --plot "$work/none/curve.svg" "$work/it's_100%"
err "$work/none/curve.svg: No such file"
PATH=$work run 1 replay --plot "$work/late.svg" "$work/it's_100%"
PATH=/usr/bin:/bin
err '--plot needs the program gnuplot, which is not installed'
[ -e "$work/late.svg" ] && complain 'a file without gnuplot'
[ -s "$work/out" ] && complain 'replayed although gnuplot is missing'
printf '#!/bin/sh\n[ "$1" = --version ] || exit 3\n' >"$work/gnuplot"
chmod +x "$work/gnuplot"
PATH=$work:$PATH
run 1 replay --plot "$work/curve.svg" "$work/it's_100%"
err 'gnuplot has failed'
done_testing
