#!/bin/sh
# SPDX-License-Identifier: MIT
# run.sh PROGRAM FAMILY...: check the recorded answers of each family with vm_vectors.
#
# Of some families only the cases (from one `new` to the next) are taken that need neither sections
# nor write watch.
set -u
program=$1
shift
dir=$(dirname "$0")

plain_cases() {
	awk '
	function flush() { if (!skip) printf "%s", held; held = ""; skip = 0 }
	/^new / { flush() }
	/^(section|view|unmap|watch|resetwatch) / || /WRITE_WATCH/ { skip = 1 }
	{ held = held $0 "\n" }
	END { flush() }' "$1"
}

bad=0
for family in "$@"; do
	printf '%s: ' "$family"
	[ -s "$dir/$family.vec" ] || { echo "no answers"; exit 1; }
	case $family in
	edges) plain_cases "$dir/$family.vec" ;;
	*) cat "$dir/$family.vec" ;;
	esac | "$program" check || bad=1
done
exit $bad
