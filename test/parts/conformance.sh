#!/usr/bin/env bash
# Runs the OCI distribution conformance suite against a registry: pull, push, content discovery and management. Ends
# with 0 when every test passed, with 1 when one failed, and with 2 when the suite is not on this machine.
#
#   test/parts/conformance.sh http://HOST:PORT [FOLDER]     FOLDER: where its reports go, default a temporary one
#
# OCI_CONFORMANCE names the suite's program; without it `oci-conformance` on PATH serves. The suite's own variables
# (OCI_VERSION, OCI_USERNAME, OCI_DATA_SPARSE ...) go through to it and win over what is chosen here.
set -euo pipefail

say() { echo "conformance: $*" >&2; }

[[ $# -ge 1 && $1 =~ ^(https?)://([^/]+)/?$ ]] || {
  say "wanted the address of a registry, such as http://127.0.0.1:5000"
  exit 2
}
scheme=${BASH_REMATCH[1]} registry=${BASH_REMATCH[2]}

program=$(command -v "${OCI_CONFORMANCE:-oci-conformance}") || {
  say "cannot find '${OCI_CONFORMANCE:-oci-conformance}': it is the program of the folder 'conformance' of the OCI" \
    "distribution specification; name it in OCI_CONFORMANCE"
  exit 2
}

folder=${2:-}
if [[ -z $folder ]]; then
  folder=$(mktemp -d)
  trap 'rm -rf "$folder"' EXIT
fi

declare -A settings=(
  [OCI_TLS]=$([[ $scheme == https ]] && echo insecure || echo disabled)
  [OCI_VERSION]=1.1
  # What version 1.1 leaves to the registry, and ours promises.
  [OCI_API_BLOBS_UPLOAD_CANCEL]=true
  [OCI_API_BLOBS_DIGEST_HEADER]=true
  [OCI_API_MANIFESTS_DIGEST_HEADER]=true
  [OCI_API_MANIFESTS_TAG_PARAM]=true
)
for name in "${!settings[@]}"; do
  [[ -v $name ]] || export "$name=${settings[$name]}"
done
export OCI_REGISTRY=$registry OCI_RESULTS_DIR=$folder

# In its folder, so that no configuration file of this one is read.
code=0
(cd "$folder" && "$program") || code=1

# It also ends with 0 when it could not even begin.
grep -qs '<testsuites [^>]*tests="[1-9]' "$folder/junit.xml" || {
  say "no test was run"
  exit 1
}
exit "$code"
