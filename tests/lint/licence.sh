#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# licence.sh -- each file of the project names its licence at its head
bad=0
while read -r f; do
	head -n 3 "$f" | grep -q 'SPDX-License-Identifier: LGPL-2.1-or-later' || { echo "$f"; bad=1; }
done < <(find src include tests contrib man .ci -type f \( -name '*.[ch]' -o -name '*.sh' -o -name '*.in' \
		-o -name '*.py' -o -name '*.supp' -o -path 'contrib/t*' -o -path contrib/bench -o -path .ci/run \) ! -name Makefile.in
	ls configure.ac Makefile.am autogen.sh)
exit $bad
