# Read by the other scripts: finds the toolchain that setup installed, and runs things as root.
# shellcheck shell=bash

[ -x /opt/swift/usr/bin/swift ] && PATH=/opt/swift/usr/bin:$PATH
export PATH
# Some CI runners have none, and SwiftPM keeps its caches there.
export HOME=${HOME:-/tmp}

# Variables that choose the model, reach the network or say how to print. sudo hands on no others; no value appears in a command line.
kept=ROOKERY_MODEL_URL,ROOKERY_MODEL_KEY,ROOKERY_MODEL,ROOKERY_MODEL_WIRE,ANTHROPIC_API_KEY,OPENAI_API_KEY,ROOKERY_CACHE
kept+=,http_proxy,https_proxy,no_proxy,HTTP_PROXY,HTTPS_PROXY,NO_PROXY,PIP_INDEX_URL,PIP_EXTRA_INDEX_URL,PIP_FIND_LINKS,PIP_CERT
kept+=,SSL_CERT_FILE,SSL_CERT_DIR,REQUESTS_CA_BUNDLE,NO_COLOR,TERM,CI

# root COMMAND…: as root, by sudo where we are not.
root() {
  if [ "$(id -u)" = 0 ]; then
    "$@"
  else
    sudo --preserve-env="$kept" env "PATH=$PATH" "$@"
  fi
}
