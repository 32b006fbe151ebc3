#!/bin/sh
# SPDX-License-Identifier: MIT
# The small traces in tests/traces.
. "$(dirname "$0")/common"
traces=$(dirname "$0")/../traces

# figures NAME REFERENCES PAGES: what the row of the process says.
figures() {
	run 0 replay --verify "$traces/$1.trace"
	awk -v name="$1.trace" -v wanted="$2 $3" '
		$2 == name { found = $3 " " $4 }
		END { exit found != wanted }' "$work/out" || complain "$1: $(cat "$work/out")"
}

figures textbook 12 5
figures stride 8 4

run 2 replay "$traces/no-letter.trace"
err "ntmm: $traces/no-letter.trace:3: "
run 2 replay "$traces/bad-digit.trace"
err "ntmm: $traces/bad-digit.trace:4: "
done_testing
