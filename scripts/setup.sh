#!/usr/bin/env bash
# Brings a Debian 12 machine to where Rookery builds, runs and passes its tests. Safe to repeat and to interrupt: each step looks
# first whether there is anything to do, and says what it does before it does it.
#
#   scripts/setup.sh          what building and running need
#   scripts/setup.sh tests    and what the tests need
#   scripts/setup.sh bench    and the peers that the benchmarks run beside
# shellcheck disable=SC2016 # Commands for another shell stand in single quotes.
set -euo pipefail
cd "$(dirname "$0")/.."

swift_version=6.3.1
# "Swift 6.x Release Signing Key"; its owner publishes it at the address below.
swift_key=52BB7E3DE28A71BE22EC05FFEF80A866B47A981F
swift_keys_url=https://www.swift.org/keys/all-keys.asc
swift_home=/opt/swift

# bubblewrap, util-linux, btrfs-progs: sandboxes, users and their disks; nftables: their network; mmdebstrap, uidmap: the base;
# git, python3-pip: clones and agents.
run_packages=(bubblewrap btrfs-progs nftables mmdebstrap uidmap util-linux git ca-certificates python3 python3-pip)
# The first two lines are the toolchain's own needs, the last Rookery's.
build_packages=(
  make curl gnupg pkg-config binutils gcc libc6-dev libstdc++-12-dev zlib1g-dev tzdata
  libcurl4 libxml2 libedit2 libncurses6 libuuid1
  libsqlite3-dev libcmark-gfm-dev libcmark-gfm-extensions-dev
)
test_packages=(chromium python3-venv shellcheck)
bench_packages=(podman runc python3-venv libuv1)
bench_peers=(socketify==0.0.31 picows websockets uvloop)
bench_venv=/var/cache/rookery/bench-venv

say() { printf 'setup: %s\n' "$*" >&2; }
die() { say "$*"; exit 1; }

# as_root WHY COMMAND…
as_root() {
  local why=$1
  shift
  if [ "$(id -u)" = 0 ]; then
    "$@"
  elif command -v sudo >/dev/null; then
    say "this needs root, to $why: sudo $1 …"
    sudo "$@"
  else
    die "this needs root, to $why, and there is no sudo here. As root, run: $*"
  fi
}

install_packages() {
  local missing=() name installed
  installed=" $(dpkg-query -W -f='${db:Status-Abbrev}${Package} ' "$@" 2>/dev/null || true)"
  for name in "$@"; do
    case $installed in *" ii $name "* | *" hi $name "*) ;; *) missing+=("$name") ;; esac
  done
  [ ${#missing[@]} = 0 ] && return
  command -v apt-get >/dev/null || die "this is not Debian; install what corresponds to: ${missing[*]}"
  say "installing Debian packages: ${missing[*]}"
  # Interrupted installations are finished first. Lists are fetched only where apt doesn't know a package or can't get it.
  as_root "install Debian packages" sh -c '
    export DEBIAN_FRONTEND=noninteractive
    dpkg --configure -a >/dev/null 2>&1 || true
    apt-get -o DPkg::Lock::Timeout=300 install -y -qq --no-install-recommends "$@" >/dev/null 2>&1 && exit
    apt-get update -qq && apt-get -o DPkg::Lock::Timeout=300 install -y -qq --no-install-recommends "$@" >/dev/null
  ' sh "${missing[@]}" </dev/null || die "apt-get could not install ${missing[*]}; its message is above"
}

install_swift() {
  [ -x "$swift_home/usr/bin/swift" ] && PATH=$swift_home/usr/bin:$PATH
  if command -v swift >/dev/null; then
    case $(swift --version 2>&1) in
      *"Swift version 6."[3-9]* | *"Swift version 6."[1-9][0-9]* | *"Swift version "[7-9]*) return ;;
      *) die "the swift in $(command -v swift) is older than 6.3; remove it from PATH or install $swift_version (swift.org/install)" ;;
    esac
  fi
  local platform name url work
  case "$(. /etc/os-release && echo "$ID$VERSION_ID")/$(dpkg --print-architecture)" in
    debian12/amd64) platform=debian12 ;;
    debian12/arm64) platform=debian12-aarch64 ;;
    *) die "Swift is not installed, and this script installs it on Debian 12 only: see swift.org/install for $swift_version" ;;
  esac
  name=swift-$swift_version-RELEASE
  url=https://download.swift.org/swift-$swift_version-release/$platform/$name/$name-$platform.tar.gz
  say "Swift is not installed: fetching $swift_version (about 1 GB) from $url"
  work=$(mktemp -d)
  # shellcheck disable=SC2064 # The directory of now is meant.
  trap "rm -rf '$work'" EXIT
  curl -fsSL --retry 3 -o "$work/swift.tar.gz" "$url" || die "the download failed; install Swift $swift_version yourself (swift.org/install)"
  curl -fsSL --retry 3 -o "$work/swift.sig" "$url.sig" || die "the signature of Swift could not be fetched from $url.sig"
  curl -fsSL --retry 3 -o "$work/keys.asc" "$swift_keys_url" || die "Swift's keys could not be fetched from $swift_keys_url"
  gpg --homedir "$work" --batch --quiet --import "$work/keys.asc" 2>/dev/null || true
  # The last field of VALIDSIG is the primary key: that one key, not just any that came along, must have signed.
  gpg --homedir "$work" --batch --status-fd 1 --verify "$work/swift.sig" "$work/swift.tar.gz" 2>/dev/null >"$work/status" || true
  if ! grep -q "^\[GNUPG:\] VALIDSIG .* $swift_key\$" "$work/status" || grep -q '^\[GNUPG:\] REVKEYSIG' "$work/status"; then
    die "the download is not signed with Swift's release key $swift_key: nothing was installed"
  fi
  say "its signature is good; unpacking it to $swift_home"
  # Whole or not at all: an interrupted unpacking leaves nothing that looks like a toolchain.
  as_root "install Swift to $swift_home" sh -c '
    rm -rf "$2.partial" && mkdir -p "$2.partial" && tar -xzf "$1" -C "$2.partial" --strip-components=1 &&
      rm -rf "$2" && mv "$2.partial" "$2"
  ' sh "$work/swift.tar.gz" "$swift_home"
  rm -rf "$work"
  trap - EXIT
}

make_users() {
  local user
  for user in rookery-serve rookery-gateway; do
    id "$user" >/dev/null 2>&1 && continue
    say "making the system user $user"
    as_root "make $user, so that Rookery's processes can't touch each other" \
      useradd --system --user-group --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin "$user"
  done
}

# Kernel limits for one user are shared by all sandboxes, since their users are the same.
raise_limits() {
  local name value now
  while read -r name value; do
    now=$(cat "/proc/sys/$name" 2>/dev/null) || continue
    [ "$now" -ge "$value" ] && continue
    as_root "raise the kernel's limit $name to $value" sh -c 'echo "$2" > "/proc/sys/$1"' sh "$name" "$value" 2>/dev/null ||
      say "could not raise $name from $now to $value: with many sandboxes at once, programs that watch files may fail"
  done <<'LIMITS'
fs/inotify/max_user_instances 8192
fs/inotify/max_user_watches 1048576
LIMITS
}

# The servers that fan-out is measured beside, in an environment of their own.
make_bench_venv() {
  "$bench_venv/bin/python" -c 'import socketify, picows, websockets, uvloop' 2>/dev/null && return
  say "installing the benchmarks' peers in $bench_venv"
  as_root "install the benchmarks' peers" sh -c 'venv=$1 && shift && python3 -m venv "$venv" && "$venv/bin/pip" install -q "$@"' \
    sh "$bench_venv" "${bench_peers[@]}" || die "pip could not install ${bench_peers[*]}"
}

packages=("${run_packages[@]}" "${build_packages[@]}")
case "${1:-}" in
  '') ;;
  tests) packages+=("${test_packages[@]}") ;;
  bench) packages+=("${bench_packages[@]}") ;;
  *) die "unknown argument $1: give tests, bench or nothing" ;;
esac
install_packages "${packages[@]}"
install_swift
make_users
raise_limits
if [ "${1:-}" = bench ]; then make_bench_venv; fi
