#!/bin/sh
# SPDX-License-Identifier: MIT
# Malformed input is named with file and line, whatever the format and compression; exit status 2.
. "$(dirname "$0")/common"

# malformed FILE LINE: plain, gzip, zstd, and from standard input.
malformed() {
	run 2 replay "$work/$1"
	err "ntmm: $work/$1:$2: $3"
	gzip -c "$work/$1" >"$work/$1.packed"
	run 2 replay "$work/$1.packed"
	err "ntmm: $work/$1.packed:$2: $3"
	zstd_frame <"$work/$1" >"$work/$1.packed"
	run 2 replay --json "$work/$1.packed"
	err "ntmm: $work/$1.packed:$2: $3"
	[ ! -s "$work/out" ] || complain "results although $1 is malformed"
	run_with "$work/$1" 2 replay -
	err "ntmm: standard input:$2: $3"
}

printf '==1== Lackey\nI  04001f20,3\n L 04222cac\n' >"$work/comma"
malformed comma 3 'a comma is missing'
printf 'I  04001f20,3\n S 04222cac,0\n' >"$work/zero"
malformed zero 2 'the size is 0'
printf 'I  04001f20,3\n S 04222cac,65537\n' >"$work/large"
malformed large 2 'the size is above 65536'
printf ' S ffffffffffffffff,2\n' >"$work/end"
malformed end 1 'the reference runs past the last address'
printf 'I  04001f20,3\nSB 04001f20\n' >"$work/kind"
malformed kind 2 'a space is missing'
printf '# mine\n1000 R\n\n10000\n' >"$work/letter"
malformed letter 4 'R or W is missing'
printf '10000 R\n10000 R\n123456789012345678 W\n' >"$work/wide"
malformed wide 3 'the address has more than 64 bits'
printf '#!/bin/sh\nls\n' >"$work/other"
malformed other 2 "the line is neither"
printf '# nothing\n' >"$work/empty"
malformed empty 2 'there is no reference'

# Compressed data that is cut.
i=0
while [ $i -lt 15 ]; do
	echo "I  0400${i}0,3"
	i=$((i + 1))
done >"$work/whole"
run 0 replay "$work/whole"
for kind in gzip zstd_frame; do
	$kind <"$work/whole" >"$work/packed"
	run 0 replay "$work/packed"
	head -c $(($(wc -c <"$work/packed") - 5)) "$work/packed" >"$work/cut"
	run 2 replay "$work/cut"
	grep -q "^ntmm: $work/cut:[0-9]*: the compressed data ends early\$" "$work/err" ||
		complain "cut $kind: $(cat "$work/err")"
done

run 2 replay "$work/nowhere"
err "ntmm: $work/nowhere: No such file or directory"
run 2 replay "$work"
err "ntmm: $work:1: Is a directory"
done_testing
