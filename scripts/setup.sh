#!/usr/bin/env bash
# Brings a Debian machine to where Rookery builds, runs and passes its tests. Safe to repeat and to interrupt: each step looks
# first whether there is anything to do.
#
#   scripts/setup.sh          what building and running need
#   scripts/setup.sh tests    and what the tests need
#   scripts/setup.sh bench    and the peers that the benchmarks run beside
set -euo pipefail
cd "$(dirname "$0")/.."

swift_version=6.3.1
# What each is for is in docs/modules.md and docs/operating.md.
run_packages=(
  bubblewrap mmdebstrap uidmap git ca-certificates python3 python3-pip util-linux
  libsqlite3-0 libcmark-gfm0.29.0.gfm.6 libcmark-gfm-extensions0.29.0.gfm.6
)
build_packages=(
  make curl pkg-config binutils gcc libc6-dev libstdc++-12-dev libsqlite3-dev libcmark-gfm-dev libcmark-gfm-extensions-dev
  libseccomp-dev zlib1g-dev libncurses-dev libcurl4-openssl-dev libxml2-dev tzdata
)
test_packages=(chromium python3-venv)
bench_packages=(podman runc)

say() { printf 'setup: %s\n' "$*" >&2; }
die() { say "$*"; exit 1; }

as_root() {
  if [ "$(id -u)" = 0 ]; then
    "$@"
  elif command -v sudo >/dev/null; then
    say "needs root to $why: running sudo $1"
    sudo "$@"
  else
    die "needs root to $why, and sudo is not there: run this as root, or do it yourself: $*"
  fi
}

install_packages() {
  local missing=() name
  for name in "$@"; do
    [ "$(dpkg-query -W -f='${Status}' "$name" 2>/dev/null)" = 'install ok installed' ] || missing+=("$name")
  done
  [ ${#missing[@]} = 0 ] && return
  say "installing Debian packages: ${missing[*]}"
  why="install Debian packages"
  as_root apt-get update -qq
  as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null ||
    die "apt-get could not install ${missing[*]}: see its message above"
}

install_swift() {
  command -v swift >/dev/null && return
  local name="swift-$swift_version-RELEASE" platform directory=/opt/swift
  platform=debian$(. /etc/os-release && echo "$VERSION_ID")
  local url="https://download.swift.org/swift-$swift_version-release/$platform/$name/$name-$platform.tar.gz"
  say "Swift is not installed: fetching $swift_version from $url (about 1 GB)"
  local work
  work=$(mktemp -d)
  # shellcheck disable=SC2064
  trap "rm -rf '$work'" EXIT
  curl -fSL --retry 3 -o "$work/swift.tar.gz" "$url" || die "the download failed: install Swift $swift_version yourself (swift.org/install) and repeat"
  curl -fsSL --retry 3 -o "$work/swift.tar.gz.sig" "$url.sig" || die "the signature could not be fetched"
  install_packages gnupg
  curl -fsSL --retry 3 https://www.swift.org/keys/all-keys.asc | gpg --homedir "$work" --import -q || die "Swift's keys could not be fetched"
  gpg --homedir "$work" --verify "$work/swift.tar.gz.sig" "$work/swift.tar.gz" || die "the download's signature is not Swift's: nothing was installed"
  why="install Swift in $directory"
  as_root mkdir -p "$directory"
  as_root tar -xzf "$work/swift.tar.gz" -C "$directory" --strip-components=1
  as_root ln -sf "$directory/usr/bin/swift" "$directory/usr/bin/swiftc" /usr/local/bin/
}

make_users() {
  local user
  for user in rookery-serve rookery-gateway; do
    id "$user" >/dev/null 2>&1 && continue
    why="make the system user $user, so that Rookery's processes can't touch each other"
    as_root useradd --system --user-group --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin "$user"
  done
}

# Per-user kernel limits are shared by all sandboxes, whose ids are the same.
raise_limits() {
  local name value
  while read -r name value; do
    [ "$(cat "/proc/sys/$name" 2>/dev/null || echo "$value")" -ge "$value" ] && continue
    why="raise the kernel's limit $name to $value"
    as_root sh -c "echo $value > /proc/sys/$name" || say "could not raise $name; many sandboxes at once may run out of it"
  done <<'LIMITS'
fs/inotify/max_user_instances 8192
fs/inotify/max_user_watches 1048576
LIMITS
}

why=""
install_packages "${run_packages[@]}" "${build_packages[@]}"
case "${1:-}" in
  tests) install_packages "${test_packages[@]}" ;;
  bench) install_packages "${bench_packages[@]}" ;;
esac
install_swift
make_users
raise_limits
