#!/bin/sh
# SPDX-License-Identifier: MIT
# How near to exact LRU the machine comes on the recorded traces (S12, PG-50 to PG-52). Replays are always the
# same, so this is no matter of time. The bounds are loose: about what it reads today, and a tenth more.
. "$(dirname "$0")/common"
traces=$(dirname "$0")/../../traces

# near TRACE RAM MOST: with that RAM and without clusters, its page-ins are at most MOST times those of LRU.
near() {
	run 0 replay --compare --json --no-clusters --ram "$2" "$traces/$1.lackey.zst"
	lru=$(field lru_page_ins) ins=$(field page_ins)
	[ "$lru" -ge 20 ] || complain "$1 with $2: LRU reads $lru pages only"
	awk -v most="$3" -v lru="$lru" -v ins="$ins" 'BEGIN { exit !(ins <= most * lru) }' ||
		complain "$1 with $2: $ins page-ins, LRU $lru"
}
near cc1 1288K 0.85
near perl 1408K 1.05
near sort 4556K 1.00
near sqlite 1832K 1.10
near xz 1644K 1.10
near xz 4788K 1.25
done_testing
