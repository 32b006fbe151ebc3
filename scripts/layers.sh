#!/bin/sh
# SPDX-License-Identifier: MIT
# layers.sh: each #include of the project's own headers goes the way that docs/architecture.md allows.
set -eu
cd "$(dirname "$0")/.."

# A part is a directory or file; the longest that fits a path counts. It may include its own headers
# and those of the parts named with it; `public` is include/ntmm.
allowed='
src/base
src/space            src/base src/engine.h public
src/engine.h         src/base src/space public
src/image            src/base src/space public
src/object           src/base src/space src/engine.h src/image public
src/nt               src/base src/space src/engine.h src/image src/object public
src/win32            src/base src/space src/engine.h src/object src/nt public
src/embed            src/base src/space src/engine.h src/object src/win32 src/machine src/machine/pager src/machine/thread src/native public

src/native           src/base src/space src/engine.h public
src/machine/store    src/base src/space src/engine.h public
src/machine/phys     src/base src/space src/engine.h src/machine/store public
src/machine/map      src/base src/space src/engine.h src/machine/phys src/machine/store public
src/machine/pager    src/base src/space src/engine.h src/machine/phys src/machine/store src/machine/map public
src/machine/thread   src/base src/space src/engine.h src/machine/phys src/machine/store src/machine/map src/machine/pager public
src/machine          src/base src/space src/engine.h src/machine/phys src/machine/store src/machine/map src/machine/pager src/machine/thread public

public
tool                 public
bench                public
tests/support        public
tests/api            public tests/support
'

find src tool bench include tests/api tests/support -name '*.[ch]' 2>/dev/null | sort |
	xargs -r grep -nE '^[[:space:]]*#[[:space:]]*include' /dev/null |
	awk -v allowed="$allowed" '
	BEGIN {
		rows = split(allowed, row, "\n")
		for (i = 1; i <= rows; i++) {
			n = split(row[i], word, " ")
			if (!n)
				continue
			known[word[1]] = 1
			for (j = 1; j <= n; j++)
				may[word[1], word[j]] = 1
		}
	}
	function part(path,   p) {
		sub(/^include\/ntmm\//, "public/", path)
		for (p = path; p != "" && !(p in known); )
			if (!sub(/\/[^\/]*$/, "", p))
				p = ""
		return p
	}
	function exists(path,   line, yes) {
		yes = (getline line < path) >= 0
		close(path)
		return yes
	}
	# Where an included name lies, as the compiler would look for it.
	function place(from, name,   own) {
		own = from
		sub(/[^\/]*$/, name, own)
		if (exists(own))
			return own
		if (from ~ /^src\// && exists("src/" name))
			return "src/" name
		if (from ~ /^tool\// && exists("tool/" name))
			return "tool/" name
		if (from ~ /^tests\// && exists("tests/" name))
			return "tests/" name
		return ""
	}
	function complain(why) {
		printf "%s: %s\n", where, why
		bad = 1
	}
	{
		split($0, field, ":")
		from = field[1]
		where = field[1] ":" field[2]
		name = $0
		sub(/^[^"<]*["<]/, "", name)
		sub(/[">].*/, "", name)
		source = part(from)
		if (source == "") {
			complain("in no part that scripts/layers.sh knows")
			next
		}
		if ($0 ~ /</) {
			if (name ~ /^ntmm\// && !((source, "public") in may))
				complain(source " may not include <" name ">")
			next
		}
		target = place(from, name)
		if (name ~ /\.\./)
			complain("goes up: \"" name "\"")
		else if (target == "")
			complain("cannot find \"" name "\"")
		else if (!((source, part(target)) in may))
			complain(source " may not include \"" name "\"")
	}
	END { exit bad }'
