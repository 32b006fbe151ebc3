#!/bin/sh
# SPDX-License-Identifier: MIT
# Help for every verb, the version; wrong usage is explained, with exit status 2.
. "$(dirname "$0")/common"

run 0 --help
out 'replay TRACE...'
out 'map --at N TRACE'
out 'image FILE...'
out 'tour '
out 'help [VERB]'
silent
run 0 help
out 'replay TRACE...'
run 0 help replay
cp "$work/out" "$work/help"
run 0 replay --help
cmp -s "$work/out" "$work/help" || complain "'ntmm help replay' differs from 'ntmm replay --help'"
for word in 'Usage: ntmm replay' --ram --paging-file --layout --json --verify --compare --csv --plot nt32-2gb nt32-3gb wow64-4gb \
	nt64-8tb nt64-128tb 'Exit status'; do
	out "$word"
done
run 0 map --help
for word in 'Usage: ntmm map' --at --ram --paging-file --layout --json 'Exit status'; do
	out "$word"
done
run 0 image --help
for word in 'Usage: ntmm image' --processes --ram --json 'Exit status'; do
	out "$word"
done
run 0 tour --help
out 'Usage: ntmm tour'
run 0 --version
grep -qx 'ntmm [0-9]*\.[0-9]*\.[0-9]*' "$work/out" || complain "version: $(cat "$work/out")"

run 2
err 'Usage: ntmm'
run 2 repeat
err "there is no verb 'repeat'"
run 2 help repeat
err "there is no verb 'repeat'"
run 2 replay
err 'a trace is missing'
run 2 tour 1
err 'takes no arguments'
run 2 --wrong
err "'--wrong'"

echo '10000 R' >"$work/trace"
for size in '' x 1Q M 1M, ,1M 0 4M,0 -1 1.5M 1MB 99999999999999999999 16777216T 18446744073709551616 2M-1M 1M-; do
	run 2 replay --ram "$size" "$work/trace"
	err "--ram: '$size' is not a size"
done
for size in '' x 1M,2M -1 99999999T; do
	run 2 replay --paging-file "$size" "$work/trace"
	err "--paging-file: '$size' is not a size"
done
run 2 replay --layout nt128 "$work/trace"
err "'nt128' is none of nt32-2gb, nt32-3gb, wow64-4gb, nt64-8tb, nt64-128tb, win9x"
run 2 replay - -
err 'standard input can be only one'

for file in curve curve.pdf .png png; do
	run 2 replay --plot "$file" "$work/trace"
	err "--plot: '$file' ends in neither .svg nor .png"
done

# Machines that cannot be.
run 2 replay --ram 4K "$work/trace"
err 'no machine with 4K of RAM'
run 2 replay --ram 1000001 "$work/trace"
err 'no machine with 1000001 of RAM'
done_testing
