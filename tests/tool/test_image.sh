#!/bin/sh
# SPDX-License-Identifier: MIT
# Images in several processes: which frames are shared before and after a write, in tables and in JSON; wrong
# usage.
. "$(dirname "$0")/common"

# at OFFSET BYTES VALUE: a little-endian number in $file.
at() {
	value=$3
	for _ in $(seq "$2"); do
		printf "\\$(printf %03o $((value & 255)))"
		value=$((value >> 8))
	done | dd of="$file" bs=1 seek=$(($1)) conv=notrunc 2>/dev/null
}

# section ROW OFFSET RVA CHARACTERISTICS: one page of memory, 512 bytes of the file.
section() {
	row=$((0x138 + $1 * 40))
	at $((row + 8)) 4 4096
	at $((row + 12)) 4 "$3"
	at $((row + 16)) 4 512
	at $((row + 20)) 4 "$2"
	at $((row + 36)) 4 "$4"
}

# image FILE: for I386, at 0x10000000: headers, code, data, data that is shared, a gap, constants.
image() {
	file=$1
	head -c 2560 /dev/zero >"$file"
	at 0 2 0x5a4d
	at 0x3c 4 0x40
	at 0x40 2 0x4550
	at 0x44 2 0x14c
	at 0x46 2 4
	at 0x54 2 224
	at 0x56 2 0x2002
	at 0x58 2 0x10b
	at 0x74 4 0x10000000
	at 0x78 4 4096
	at 0x7c 4 512
	at 0x90 4 0x7000
	at 0x94 4 512
	at 0x9c 2 3
	at 0xb4 4 16
	section 0 512 0x1000 0x60000020
	section 1 1024 0x2000 0xc0000040
	section 2 1536 0x3000 0xd0000040
	section 3 2048 0x6000 0x40000040
}
image "$work/a.dll"
image "$work/b.dll"

# row N OFFSET WORD...: in the N-th table of the output the row of that offset has these words.
row() {
	table=$1
	offset=$2
	shift 2
	awk -v table="$table" -v offset="$offset" -v wanted="$*" '
		$1 == "OFFSET" { n++ }
		n == table && $1 == offset { $1 = ""; found = substr($0, 2) }
		END { if (found != wanted) { print "found: " found; exit 1 } }' "$work/out" ||
		complain "row $offset of table $table is not: $*"
}

# ---- tables ----------------------------------------------------------------------------------------
run 0 image "$work/a.dll"
silent
out "$work/a.dll in 2 processes, RAM 64M: 7 pages of 4 KB"
out 'process 2: at 0x10000000'
out 'after process 1 has written to the page at 0x2000'
row 1 0x0 1 PAGE_READONLY 1 1+2
row 1 0x1000 1 PAGE_EXECUTE_READ 1 1+2
row 1 0x2000 1 PAGE_WRITECOPY 1 1+2
row 1 0x3000 1 PAGE_READWRITE 1 1+2
row 1 0x4000 2 a gap
row 1 total 7 5
row 2 0x1000 1 PAGE_EXECUTE_READ 1 1+2
row 2 0x2000 1 PAGE_READWRITE 2 1 '|' 2
row 2 0x3000 1 PAGE_READWRITE 1 1+2
row 2 total 7 6

run 0 image --processes 4 --ram 1M "$work/a.dll" "$work/b.dll"
out 'b.dll in 4 processes, RAM 1M'
row 1 0x1000 1 PAGE_EXECUTE_READ 1 1+2+3+4
row 2 0x2000 1 PAGE_READWRITE 2 1 '|' 2+3+4
row 4 0x2000 1 PAGE_READWRITE 2 1 '|' 2+3+4
grep -q 'process 1: at 0x10000000' "$work/out" || complain 'nobody at the preferred base'
[ "$(grep -c 'process 1: at 0x10000000' "$work/out")" = 1 ] || complain 'two images at one base'
run 0 image -n 1 "$work/a.dll"
out 'in 1 process,'
row 2 0x2000 2 PAGE_READWRITE 2 1

# ---- JSON ------------------------------------------------------------------------------------------
run 0 image --json "$work/a.dll" "$work/b.dll"
silent
[ "$(field processes)" = 2 ] || complain "$(field processes) processes"
[ "$(field written_offset)" = 8192 ] || complain "written at $(field written_offset)"
[ "$(grep -c '"before"' "$work/out")" = 2 ] || complain 'not two images'
out '"file": "'"$work/b.dll"'"'
out '"protection": "PAGE_WRITECOPY"'
out '"0x10000000"'

# ---- wrong usage -----------------------------------------------------------------------------------
run 2 image
err 'a file is missing'
for number in '' 0 17 x 2x; do
	run 2 image --processes "$number" "$work/a.dll"
	err "--processes: '$number' is not a number from 1 to 16"
done
run 2 image --ram 0 "$work/a.dll"
err "--ram: '0' is not a size"
run 2 image "$work/none"
err "$work/none: "
printf 'a text\n' >"$work/text"
run 2 image "$work/a.dll" "$work/text"
err "$work/text: STATUS_INVALID_IMAGE_NOT_MZ"
[ ! -s "$work/out" ] || complain 'something was printed'
done_testing
