#!/bin/bash
# A stand-in for the base image that needs no registry: Node's own binary, the libraries it names, certificates, a user.
# usage: [ARCH=arm64] offline-base.sh <node binary or nothing> <work directory> <image storage options…>
set -euo pipefail
node=$1 work=$2
shift 2
base=$work/base
rm -rf "$base"
mkdir -p "$base"/{etc/ssl/certs,tmp,home/node,proc,sys,dev,run,usr/local/bin}
chmod 1777 "$base/tmp"
if [ -n "$node" ]; then
  cp -L "$node" "$base/usr/local/bin/node"
  libraries=$(ldd "$node" | grep -o '/lib[^ ]*')
  for file in $libraries /lib/"$(uname -m)"-linux-gnu/lib{nss_files,nss_dns,resolv}.so.2; do
    if [ -e "$file" ]; then install -D "$(readlink -f "$file")" "$base$file"; fi
  done
fi
printf 'root:x:0:0:root:/root:/sbin/nologin\nnode:x:1000:1000::/home/node:/sbin/nologin\n' >"$base/etc/passwd"
printf 'root:x:0:\nnode:x:1000:\n' >"$base/etc/group"
printf 'hosts: files dns\n' >"$base/etc/nsswitch.conf"
cp /etc/ssl/certs/ca-certificates.crt "$base/etc/ssl/certs/" 2>/dev/null || true
printf 'FROM scratch\nCOPY . /\nENV PATH=/usr/local/bin\nCMD ["node"]\n' >"$work/Containerfile.base"
# By its whole name, so that an unchanged "FROM" finds it.
buildah "$@" bud -q --isolation=chroot --format docker ${ARCH:+--arch "$ARCH"} -t public.ecr.aws/docker/library/node:24-slim -f "$work/Containerfile.base" "$base"
