#!/bin/sh
# SPDX-License-Identifier: MIT
# run.sh ENGINE PROGRAM FAMILY...: check the recorded answers of each family with vm_vectors.
#
# An answer that depends on where the playground lies is replaced by what the rule says there.
set -u
engine=$1
program=$2
shift 2
dir=$(dirname "$0")

# VA-13: in a machine's empty process the topmost allocation ends at the highest usable address, so that the
# range ends above it (docs/decisions.md). In the host process there is something above.
at_the_top() {
	sed -e '/^alloc L+0xe000 0x10000 COMMIT RW => err 487$/s/487/87/' \
		-e '/^alloc L+0x1c000 0x26000 COMMIT X => err 487$/s/487/87/'
}

bad=0
for family in "$@"; do
	printf '%s: ' "$family"
	[ -s "$dir/$family.vec" ] || { echo "no answers"; exit 1; }
	case $engine-$family in
	machine-edges) at_the_top <"$dir/$family.vec" ;;
	*) cat "$dir/$family.vec" ;;
	esac | "$program" check || bad=1
done
exit $bad
