#!/bin/sh
# SPDX-License-Identifier: MIT
# Replays of small traces: what is counted, in tables and in JSON; several machines; standard input;
# traces that do not fit.
. "$(dirname "$0")/common"

# 300 pages, each stored to and loaded from, three times over.
awk 'BEGIN { for (r = 0; r < 3; r++) for (p = 0; p < 300; p++) {
	printf "I  %08x,4\n S %08x,8\n", 65536 + p % 7 * 16, 1048576 + p * 4096 + r * 8
	printf " L %08x,8\n M %08x,4\n", 1048576 + p * 4096, 1048576 + p * 4096 + 64 } }' >"$work/big"
# 5 pages.
printf '10000 R\n11000 W\n12ff0 W\n13000 R\n30000 R\n10008 W\n' >"$work/small"
gzip -c "$work/big" >"$work/big.gz"
zstd_frame <"$work/small" >"$work/small.zst"

# ---- numbers -------------------------------------------------------------------------------------
run 0 replay --json "$work/small.zst"
silent
for pair in references=6 fetches=0 loads=3 stores=3 modifies=0 pages_touched=5 demand_zero_faults=5 \
	soft_faults=0 hard_faults=0 page_ins=0 page_outs=0 working_set_peak=5 ram_bytes=67108864 \
	paging_file_bytes=268435456; do
	[ "$(field "${pair%=*}")" = "${pair#*=}" ] || complain "$pair, but $(field "${pair%=*}")"
done
out '"layout": "nt64-128tb"'
out '"verified": false'
out "\"trace\": \"$work/small.zst\""

run 0 replay "$work/small"
grep -qE '^ *64M +small +6 +5 +5 +0 +0 +0 +0 +5 ' "$work/out" || { complain 'row of small'; cat "$work/out"; }
grep -qE '^ *64M +6 +5 +5 +0 +0 +0 +0 +5 ' "$work/out" || { complain 'row of the machine'; cat "$work/out"; }

# ---- more than RAM, verified ----------------------------------------------------------------------
run 0 replay --verify --layout nt32-2gb --ram 1M --paging-file 8M "$work/big" "$work/small" "$work/big.gz"
silent
out verified
run 0 replay --verify --json --layout nt32-2gb --ram 1M --paging-file 8M "$work/big" "$work/big.gz"
[ "$(field page_ins)" -gt 300 ] && [ "$(field page_outs)" -gt 300 ] || complain 'nothing was paged out'
[ "$(field pages_touched)" = 602 ] || complain "$(field pages_touched) pages touched"
out '"verified": true'

# Several paging files, one of which grows; what is paged does not depend on that.
counts() { grep -E '"(hard_faults|page_ins|page_outs|commit)"' "$work/out"; }
run 0 replay --json --verify --no-clusters --ram 1M --paging-file 8M "$work/big"
counts >"$work/first"
run 0 replay --json --verify --no-clusters --ram 1M -p 64K:6M -p "1M@$work" -p 0:1M "$work/big"
counts | cmp -s - "$work/first" || { complain 'several paging files change what is paged'; cat "$work/out"; }
[ "$(field paging_file_bytes)" = 1114112 ] || complain "$(field paging_file_bytes) bytes of paging files"
[ "$(field paging_file_maximum_bytes)" = 8388608 ] || complain "$(field paging_file_maximum_bytes) at most"
run 0 replay --ram 1M -p 64K:6M -p 1M "$work/big"
out 'paging file 64K:6M, 1M;'
run 2 replay --ram 1M -p 2M:1M "$work/big"
err 'the maximum is too small'
run 1 replay --ram 1M -p 2M@/no/such/place/file "$work/big"
err '/no/such/place/file'

# ---- several machines ------------------------------------------------------------------------------
run 0 replay --ram 1M,1536K,2M,8M "$work/big" "$work/small"
for ram in 1M 1536K 2M 8M; do
	[ "$(grep -cE "^ *$ram " "$work/out")" = 3 ] || { complain "rows of $ram"; cat "$work/out"; }
done
run 0 replay --json --ram 1M,8M "$work/big"
[ "$(grep -c '"ram_bytes"' "$work/out")" = 2 ] || complain 'two machines in JSON'

# The same again gives the same.
run 0 replay --json --ram 1M,2M --paging-file 16M "$work/big" "$work/small"
grep -v seconds "$work/out" >"$work/first"
run 0 replay --json --ram 1M,2M --paging-file 16M "$work/big" "$work/small"
grep -v seconds "$work/out" | cmp -s - "$work/first" || complain 'two replays differ'

# ---- pages read with others, or alone -----------------------------------------------------------------
run 0 replay --json --ram 1M "$work/big"
hard=$(field hard_faults)
[ "$hard" -lt "$(field page_ins)" ] || complain 'no page was read with another'
run 0 replay --json --no-clusters --ram 1M "$work/big"
[ "$(field hard_faults)" = "$(field page_ins)" ] || complain 'a page was read with another'
[ "$(field hard_faults)" -gt "$hard" ] || complain 'clusters do not save hard faults'

# ---- beside other policies --------------------------------------------------------------------------
# 300 pages in a loop: LRU with fewer frames loses each before it comes round again. Each machine is there
# twice, with clusters and without.
run 0 replay --compare --json --ram 1M,8M "$work/big"
silent
[ "$(field lru_page_ins)" = 600 ] || complain "LRU: $(field lru_page_ins) instead of 600"
[ "$(field opt_page_ins)" -gt 0 ] && [ "$(field opt_page_ins)" -lt 600 ] || complain "optimum: $(field opt_page_ins)"
[ "$(field page_ins)" -ge "$(field opt_page_ins)" ] || complain 'fewer page-ins than the optimum'
[ "$(field data_frames)" -gt 200 ] && [ "$(field data_frames)" -lt 256 ] || complain "$(field data_frames) data frames"
[ "$(grep -c '"lru_page_ins": 0,' "$work/out")" = 2 ] || complain 'LRU with 8M'
out '"page_ins_to_lru": null'
out '"hard_faults_to_lru": null'
[ "$(sed -n 's/^ *"clusters": \(.*\),/\1/p' "$work/out" | tr '\n' ' ')" = 'true false true false ' ] ||
	complain 'machines with and without clusters'
cp "$work/out" "$work/both"
# half NAME: of the machines that were compared, those with that in "clusters", as they are without comparison.
half() {
	awk -v wanted="$1" '/"ram_bytes"/ { ram = $0; next } /"clusters"/ { mine = index($0, wanted); $0 = ram "\n" $0 }
		mine || /"paging_file_/' "$work/both" | grep -vE 'seconds|data_frames|lru|opt_page_ins' |
		grep -E '[0-9]' | tr -d ' ,'
}
single() {
	run 0 replay --json --ram 1M,8M "$@" "$work/big"
	grep -vE 'seconds|"ntmm"' "$work/out" | grep -E '[0-9]' | grep -v layout | tr -d ' ,'
}
[ "$(half true | grep -c .)" -gt 50 ] || complain 'half of the machines'
single >"$work/alone"
half true | grep -vE 'layout|"ntmm"' | cmp -s - "$work/alone" || complain 'comparing changes the replay'
single --no-clusters >"$work/alone"
half false | grep -vE 'layout|"ntmm"' | cmp -s - "$work/alone" || complain 'comparing changes the replay without clusters'
grep -qE 'lru|opt_page_ins|data_frames' "$work/out" && complain 'compared unasked'
run 0 replay --compare --no-clusters --json --ram 1M "$work/big"
[ "$(grep -c '"ram_bytes"' "$work/out")" = 1 ] || complain 'a machine with clusters beside --no-clusters'
out '"clusters": false'

# The tables say which is which.
run 0 replay --compare --ram 1M "$work/big"
out 'HARD/LRU'
for clusters in on off; do
	[ "$(grep -cE "^ *1M +$clusters " "$work/out")" = 3 ] || { complain "rows with clusters $clusters"; cat "$work/out"; }
done
awk '$1 == "1M" && $2 == "off" && NF == 9 && $4 == $5 && $6 == 600 { found = 1 } END { exit !found }' "$work/out" ||
	{ complain 'row beside LRU'; cat "$work/out"; }
run 0 replay --ram 1M "$work/big"
grep -q 'CLUSTERS' "$work/out" && complain 'clusters told unasked'

# Two processes: the pages of each are its own. A trace alone fits where two do not.
run 0 replay --compare --json --ram 2M "$work/big"
[ "$(field lru_page_ins)" = 0 ] || complain 'LRU, one process'
run 0 replay --compare --json --ram 2M "$work/big" "$work/big.gz"
[ "$(field lru_page_ins)" -gt 300 ] || complain "LRU, two processes: $(field lru_page_ins)"

# Ranges of RAM sizes, as a curve.
run 0 replay --csv "$work/curve.csv" --ram 1M-8M "$work/big"
out 'IN/LRU'
header=ram_bytes,clusters,data_frames,hard_faults,page_ins,page_outs,lru_page_ins,opt_page_ins
[ "$(head -n 1 "$work/curve.csv")" = $header ] || complain 'header of CSV'
grep -qE '^1048576,on,[0-9]+,[0-9]+,[0-9]+,[0-9]+,600,[0-9]+$' "$work/curve.csv" || { complain 'CSV of 1M'; cat "$work/curve.csv"; }
grep -qE '^8388608,off,[0-9]+,0,0,0,0,0$' "$work/curve.csv" || { complain 'CSV of 8M'; cat "$work/curve.csv"; }
awk -F, '$2 == "off" && $4 != $5 { exit 1 }' "$work/curve.csv" || complain 'clusters off: hard faults are not page-ins'
[ "$(cut -d, -f1 "$work/curve.csv" | uniq | tr '\n' ' ')" = 'ram_bytes 1048576 2097152 4194304 8388608 ' ] ||
	complain 'rows of CSV'
run 1 replay --csv "$work/none/curve.csv" "$work/small"
err "$work/none/curve.csv: No such file"

# ---- standard input --------------------------------------------------------------------------------
for input in big big.gz small small.zst; do
	run_with "$work/$input" 0 replay --json --ram 1M,4M -
	out '"trace": "standard input"'
	grep -vE 'seconds|"trace"' "$work/out" >"$work/first"
	run 0 replay --json --ram 1M,4M "$work/$input"
	grep -vE 'seconds|"trace"' "$work/out" | cmp -s - "$work/first" || complain "$input from standard input"
	cat "$work/$input" | "$NTMM" replay --json --ram 1M,4M - 2>&1 | grep -vE 'seconds|"trace"' |
		cmp -s - "$work/first" || complain "$input through a pipe"
done
cat "$work/small" | "$NTMM" replay --json - >"$work/out" 2>&1 || complain 'pipe, one machine'
[ "$(field references)" = 6 ] || complain 'pipe, one machine'

# ---- what does not fit -----------------------------------------------------------------------------
misfit() { # layout, address, line
	run 2 replay --layout "$1" "$work/misfit"
	err "ntmm: $work/misfit:$3: the trace does not fit the layout"
	err "$2"
}
printf '10000 R\nffff R\n' >"$work/misfit"
for layout in nt32-2gb nt32-3gb wow64-4gb nt64-8tb nt64-128tb; do
	misfit $layout 0xffff 2
done
printf '10000 R\n400000 W\n80000000 R\n' >"$work/misfit" # S8b to S8d: the last is not private
misfit win9x 0x80000000 3
printf '10000 R\n\n7fff0000 W\n' >"$work/misfit"
misfit nt32-2gb 0x7fff0000 3
run 0 replay --layout nt32-3gb "$work/misfit"
printf 'I  1ffefffd78,8\n' >"$work/misfit"
misfit wow64-4gb 0x1ffefffd78 1
run 0 replay --layout nt64-8tb "$work/misfit"
printf ' S ffffffff81000000,8\n' >"$work/misfit"
misfit nt64-128tb 0xffffffff81000000 1

# ---- limits ----------------------------------------------------------------------------------------
run 1 replay --ram 1M --paging-file 0 "$work/big"
err "ntmm: $work/big:"
err 'the commit limit is reached'
run 0 replay --ram 8M --paging-file 0 "$work/big"
set --
while [ $# -lt 60 ]; do
	set -- "$@" "$work/small"
done
run 1 replay --ram 256K "$@"
err "ntmm: $work/small: the machine has no room for the process"

# Results that cannot be written are a failure.
if [ -w /dev/full ]; then
	"$NTMM" replay "$work/small" >/dev/full 2>"$work/err" && complain 'a full disk was not noticed'
	err 'ntmm: standard output: No space left on device'
fi
done_testing
