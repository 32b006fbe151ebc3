#!/bin/sh
# SPDX-License-Identifier: MIT
# Maps: where the pages are after some references, in a table and in JSON; what adds up; wrong usage.
. "$(dirname "$0")/common"

# 5 pages in 3 granules, two of them neighbours.
printf '10000 R\n11000 W\n12ff0 W\n20000 R\n50000 R\n10008 W\n' >"$work/small"
# 300 pages stored to, three times over; then 300 that are only loaded from.
awk 'BEGIN {
	for (r = 0; r < 3; r++) for (p = 0; p < 300; p++) printf " S %08x,8\n", 1048576 + p * 4096
	for (p = 0; p < 300; p++) printf " L %08x,8\n", 16777216 + p * 4096 }' >"$work/big"

# row BASE WORD...: the row of that region has these words after its base.
row() {
	base=$1
	shift
	awk -v base="$base" -v wanted="$*" '$1 == base { $1 = ""; found = substr($0, 2) }
		END { if (found != wanted) { print "found: " found; exit 1 } }' "$work/out" ||
		complain "row $base is not: $*"
}

# ---- the table -------------------------------------------------------------------------------------
rwx=PAGE_EXECUTE_READWRITE
run 0 map --at 3 "$work/small"
silent
out "$work/small after 3 references: layout nt64-128tb, RAM 64M, paging file 256M"
row 0x0 64K MEM_FREE
row 0x10000 64K MEM_COMMIT $rwx 3 0 0 0 0 0 13
row 0x20000 2096896K MEM_FREE
row 0x7ffe0000 4K MEM_COMMIT PAGE_READONLY 0 0 0 0 0 0 1
run 0 map --at 5 --layout nt32-2gb "$work/small"
row 0x10000 64K MEM_COMMIT $rwx 3 0 0 0 0 0 13
row 0x20000 64K MEM_COMMIT $rwx 1 0 0 0 0 0 15
row 0x30000 128K MEM_FREE
row 0x50000 64K MEM_COMMIT $rwx 1 0 0 0 0 0 15
run 0 map --at 5 --layout win9x "$work/small" # S8a to S8e; the trace stays within the MS-DOS arena
row 0x0 64K MEM_FREE
row 0x10000 4032K MEM_COMMIT PAGE_READWRITE 5 0 0 0 0 0 1003
row 0x400000 2044M MEM_FREE
row 0x80000000 1G MEM_FREE
row 0xc0000000 4M MEM_COMMIT PAGE_READWRITE 0 0 0 0 0 0 1024

# As many as there are, when N is larger; none at all.
run 0 map --at 100 "$work/small"
out 'after 6 references'
run 0 map --at 0 "$work/small"
out 'after 0 references'
grep -q $rwx "$work/out" && complain 'something is committed before the first reference'
run_with "$work/small" 0 map --at 6 -
out 'standard input after 6 references'

# ---- what adds up ----------------------------------------------------------------------------------
# Regions follow each other without gaps, and the pages of each are as many as its size says.
adds_up() {
	awk 'function bytes(text, last) {
			last = substr(text, length(text))
			return text * (last == "K" ? 1024 : last == "M" ? 1024 ^ 2 : last == "G" ? 1024 ^ 3 : 1)
		}
		$3 == "MEM_COMMIT" && $1 != "total" {
			pages = 0
			for (i = 5; i <= 11; i++) { pages += $i; sum[i] += $i }
			if (pages * 4096 != bytes($2)) { print "pages: " $0; bad = 1 }
			all += bytes($2)
		}
		$1 == "total" {
			for (i = 4; i <= 10; i++) if ($i != sum[i + 1]) { print "total: " $0; bad = 1 }
			if (bytes($2) != all) { print "size: " $0; bad = 1 }
			seen = 1
		}
		END { exit bad || !seen }' "$work/out" || complain "$1 does not add up"
}
run 0 map --at 6 "$work/small"
adds_up small
for at in 1 299 300 301 600 900 1200 1500; do
	for ram in 512K 1M 8M; do
		run 0 map --at $at --ram $ram --paging-file 8M "$work/big"
		adds_up "big at $at with $ram"
	done
done

# total COLUMN: 4 resident, 5 standby, 6 modified, 7 in-io, 8 paged out, 9 zero, 10 untouched
total() {
	awk -v column="$1" '$1 == "total" { print $column }' "$work/out"
}
run 0 map --at 900 --ram 8M "$work/big"
[ "$(total 8)" = 0 ] && [ "$(total 9)" = 0 ] || complain 'something left RAM that is large enough'
[ "$(total 10)" -ge 4 ] && [ "$(total 4)" -ge 300 ] || complain 'resident pages of 8M'
run 0 map --at 1200 --ram 1M "$work/big"
[ "$(total 8)" -gt 100 ] || complain "$(total 8) pages paged out of 1M"
[ "$(total 9)" -gt 50 ] || complain "$(total 9) pages taken away that were never stored to"
[ "$(total 10)" -lt 32 ] || complain "$(total 10) pages untouched"

# ---- JSON ------------------------------------------------------------------------------------------
run 0 map --json --at 1200 --ram 1M --paging-file 8M "$work/big"
silent
for pair in references=1200 ram_bytes=1048576 paging_file_bytes=8388608 reserved_bytes=0; do
	[ "$(field "${pair%=*}")" = "${pair#*=}" ] || complain "$pair, but $(field "${pair%=*}")"
done
sum=0
for place in resident standby modified in_io paged_out zero untouched; do
	sum=$((sum + $(field $place)))
done
[ $((sum * 4096)) = "$(field committed_bytes)" ] || complain "$sum pages of $(field committed_bytes) bytes"
out '"base": "0x100000"'
out '"allocation_base": "0x100000"'
out '"protection": "PAGE_EXECUTE_READWRITE"'
out '"state": "MEM_FREE"'

# ---- wrong usage -----------------------------------------------------------------------------------
run 2 map "$work/small"
err '--at is missing'
run 2 map --at 5
err 'a trace is missing'
run 2 map --at 5 "$work/small" "$work/small"
err 'there can be only one trace'
for number in '' x -1 1K 1.5 99999999999999999999; do
	run 2 map --at "$number" "$work/small"
	err "--at: '$number' is not a number of references"
done
run 2 map --at 1 --ram 0 "$work/small"
err "--ram: '0' is not a size"
run 2 map --at 1 --ram 4K "$work/small"
err 'no machine with 4K of RAM'
run 2 map --at 1 --paging-file x "$work/small"
err "--paging-file: 'x' is not a size"
run 2 map --at 1 --layout nt128 "$work/small"
err "'nt128' is none of nt32-2gb"
run 2 map --at 1 "$work/none"
err "$work/none: No such file"
printf '10000 R\nxyz\n' >"$work/malformed"
run 2 map --at 5 "$work/malformed"
err "$work/malformed:2: "
run 0 map --at 1 "$work/malformed"
run 1 map --at 900 --ram 1M --paging-file 0 "$work/big"
err 'the commit limit is reached'
done_testing
