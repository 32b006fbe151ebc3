#!/bin/bash
# SPDX-License-Identifier: MIT
# docs/tour.md shows exactly what `ntmm tour` prints, each step in a block of its own, and the tour
# prints the same every time. With UPDATE=1 the blocks of the page are rewritten.
. "$(dirname "$0")/common"
page=docs/tour.md

run 0 tour
silent
cp "$work/out" "$work/first"
run 0 tour
cmp -s "$work/out" "$work/first" || complain 'two tours differ'

# The page, with the steps in place of its blocks.
awk '
	BEGIN { step = block = 0 }
	FNR == NR {
		if ($0 == "")
			step++
		else
			text[step] = text[step] $0 "\n"
		next
	}
	/^```text$/ { print; printf "%s", text[block++]; inside = 1; next }
	/^```$/ { inside = 0 }
	!inside { print }
	END { if (block != step + 1) printf "%d blocks for %d steps\n", block, step + 1 }
' "$work/out" "$page" >"$work/page"
if [ -n "${UPDATE-}" ]; then
	cp "$work/page" "$page"
fi
diff -u "$page" "$work/page" || complain "$page differs; UPDATE=1 NTMM=$NTMM bash $0 takes it over"

# Each number in the list of frames is part of the whole.
awk '/^  frames / { sum = 0; for (i = 3; i <= NF; i += 2) sum += $i; if (sum "" != $2 + 0 "") bad = 1 }
	END { exit bad }' "$work/out" || complain 'frames do not add up'

# The steps that the tour promises.
for word in MEM_RESERVE MEM_COMMIT STATUS_ACCESS_VIOLATION STATUS_GUARD_PAGE_VIOLATION 'on the modified list' \
	'on the standby list' 'paged out, slot' 'soft 1, hard 0' 'hard 1' MEM_FREE PAGE_WRITECOPY \
	'second process' 'value is 0x6666' 'value is 0x7777'; do
	out "$word"
done
done_testing
