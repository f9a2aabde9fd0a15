# SPDX-License-Identifier: LGPL-2.1-or-later
# lib.sh -- shared by contrib/try, contrib/test and contrib/bench: packages, building

targets=
top=$(cd "$(dirname "$0")/.." && pwd)

die() {
	echo "$(basename "$0"): $*" >&2
	exit 1
}

# as_root COMMAND...: directly, or through sudo
as_root() {
	if [ "$(id -u)" = 0 ]; then
		"$@"
	elif command -v sudo >/dev/null; then
		sudo "$@"
	else
		die "'$1' needs root: run this as root, or install sudo"
	fi
}

# packages [PURPOSE...]: names from contrib/packages, all or of these purposes
packages() {
	awk -v want="$*" '
		BEGIN { n = split(want, w, " "); for (i = 1; i <= n; i++) on[w[i]] = 1 }
		/^# / { now = $2; next }
		NF && (!n || now in on) && !seen[$0]++' "$top/contrib/packages"
}

missing() {
	for p in $(packages "$@"); do
		dpkg-query -W -f='${Status}\n' "$p" 2>/dev/null | grep -q ' installed$' || echo "$p"
	done
}

# install_packages [PURPOSE...]: what is missing, and only that
install_packages() {
	command -v apt-get >/dev/null ||
		die "no apt-get here: install what contrib/packages lists by the names of your system"
	todo=$(missing "$@")
	[ -n "$todo" ] || return 0
	echo "installing:" $todo
	as_root apt-get update -qq || die "apt-get update failed: is there a network?"
	! echo "$todo" | grep -qx postgresql || no_database
	apt_install $todo
}

apt_install() {
	as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" \
		>/dev/null || die "apt-get could not install: $*"
}

# no_database: PostgreSQL's package would make one, and start a server
no_database() {
	apt_install postgresql-common
	as_root sed -i 's/^#*create_main_cluster .*/create_main_cluster = false/' /etc/postgresql-common/createcluster.conf
}

# build DIR [CONFIGURE OPTION...]: all and $targets, out of tree; the log is shown only when it fails
build() {
	dir=$1
	shift
	mkdir -p "$dir"
	(cd "$dir" && "$source/configure" "$@" && make -j"$(nproc)" &&
		{ [ -z "$targets" ] || make -j"$(nproc)" $targets; }) >"$dir.log" 2>&1 ||
		{ tail -n 40 "$dir.log" >&2; return 1; }
}

# copy_source DIR: the sources as git knows them, with configure made there; the tree stays as it is
copy_source() {
	source=$1
	mkdir -p "$source"
	(cd "$top" && tar -cf - --exclude=./.git --exclude=./autom4te.cache .) | tar -xf - -C "$source"
	(cd "$source" && ./autogen.sh) >"$source.log" 2>&1 || { tail -n 40 "$source.log" >&2; return 1; }
}

# unmount DIR: and wait until the daemon has gone
unmount() {
	pid=$(daemon_of "$1")
	as_root umount "$1" || as_root umount -l "$1"
	for _ in $(seq 100); do
		[ -n "$pid" ] && [ -d "/proc/$pid" ] || return 0
		sleep 0.1
	done
	as_root kill "$pid"
}

# daemon_of DIR: the process that serves it
daemon_of() {
	for p in $(pgrep -x daxfs); do
		tr '\0' '\n' <"/proc/$p/cmdline" | grep -qxF "$1" && echo "$p"
	done 2>/dev/null || true
}
