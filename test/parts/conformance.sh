#!/usr/bin/env bash
# Runs the OCI distribution conformance suite against a registry: pull, push, content discovery and management. Ends
# with 0 when every test passed, with 1 when one failed, and with 2 when the suite is not on this machine.
#
#   test/parts/conformance.sh http://HOST:PORT [FOLDER]     FOLDER: where its reports go, default a temporary one
#
# OCI_CONFORMANCE names the suite's program; without it the one that provide.sh makes serves, then one on PATH. The
# suite's own variables (OCI_USERNAME, OCI_VERSION, OCI_DATA_SPARSE ...) go through to it and win over what is chosen
# here. It was written anew in 2025, with other variables: both are told what they ask for.
set -euo pipefail

say() { echo "conformance: $*" >&2; }

[[ $# -ge 1 && $1 =~ ^(https?)://([^/]+)/?$ ]] || {
  say "wanted the address of a registry, such as http://127.0.0.1:5000"
  exit 2
}
scheme=${BASH_REMATCH[1]} registry=${BASH_REMATCH[2]}

PATH=$("$(dirname "$0")/provide.sh" --path):$PATH
program=$(command -v "${OCI_CONFORMANCE:-oci-conformance}") || {
  say "cannot find '${OCI_CONFORMANCE:-oci-conformance}', get it with: test/parts/provide.sh oci-conformance"
  exit 2
}

folder=${2:-}
if [[ -z $folder ]]; then
  folder=$(mktemp -d)
  trap 'rm -rf "$folder"' EXIT
fi

declare -A settings=(
  [OCI_NAMESPACE]=conformance/one [OCI_CROSSMOUNT_NAMESPACE]=conformance/two
  [OCI_TEST_PULL]=1 [OCI_TEST_PUSH]=1 [OCI_TEST_CONTENT_DISCOVERY]=1 [OCI_TEST_CONTENT_MANAGEMENT]=1
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
export OCI_ROOT_URL=$scheme://$registry OCI_REPORT_DIR=$folder
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
