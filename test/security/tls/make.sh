#!/usr/bin/env bash
# Two authorities, and a certificate for `sser-pod` by each: the fleet's, and a stranger's. Good for a hundred years.
set -euo pipefail
cd "$(dirname "$0")"
key=(-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes)
work=$(mktemp -d)
trap 'rm -r "$work"' EXIT
for name in pod stranger; do
  openssl req -x509 "${key[@]}" -days 36500 -keyout "$work/ca.key" -out "$name-ca.crt" -subj "/CN=the authority of a $name"
  openssl req "${key[@]}" -keyout "$name.key" -out "$work/csr" -subj "/CN=sser-pod"
  openssl x509 -req -in "$work/csr" -CA "$name-ca.crt" -CAkey "$work/ca.key" -days 36500 -out "$name.crt" \
    -extfile <(echo 'subjectAltName=DNS:sser-pod')
done
