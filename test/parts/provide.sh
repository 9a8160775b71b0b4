#!/usr/bin/env bash
# Provides the real programs that the end-to-end tests run, in a folder of the user's cache: nothing is installed
# on the machine, no service is started, and only `apt-get update` (where no package list is there yet) wants root.
set -euo pipefail

# One line a part: how it is made, of what, and the programs it puts into the folder.
#   deb    Debian packages, unpacked; shared libraries that the machine has not are unpacked beside them
#   later  the same of Debian's suite LATER, whatever the machine's own is
#   go     module, version and package of a Go program
#   suite  module, version and package of tests in Go, which are made a program
#   kube   the same of a program of Kubernetes
#   hand   not made here: no package manager offers it
declare -rA RECIPES=(
  [docker-registry]="deb docker-registry | docker-registry"
  [etcd]="deb etcd-server | etcd"
  [skopeo]="deb skopeo | skopeo"
  [htpasswd]="deb apache2-utils | htpasswd"
  [busybox]="deb busybox-static | busybox"
  [dockerd]="deb docker.io containerd runc tini | dockerd docker docker-init containerd containerd-shim-runc-v2 runc"
  [dockerd-later]="later docker.io containerd | later/dockerd later/containerd"
  [kube-apiserver]="kube k8s.io/kubernetes v1.36.2 cmd/kube-apiserver | kube-apiserver"
  [kube-controller-manager]="kube k8s.io/kubernetes v1.36.2 cmd/kube-controller-manager | kube-controller-manager"
  [kube-scheduler]="kube k8s.io/kubernetes v1.36.2 cmd/kube-scheduler | kube-scheduler"
  [kubelet]="kube k8s.io/kubernetes v1.36.2 cmd/kubelet | kubelet"
  [kubectl]="kube k8s.io/kubernetes v1.36.2 cmd/kubectl | kubectl"
  [containerd]="later containerd | node/containerd node/containerd-shim-runc-v2 node/ctr"
  [runc]="deb runc | node/runc"
  [cni]="deb containernetworking-plugins | cni/bridge cni/host-local cni/loopback"
  [crane]="go github.com/google/go-containerregistry v0.22.1 cmd/crane | crane"
  [regctl]="go github.com/regclient/regclient v0.11.7 cmd/regctl | regctl"
  [coredns]="go github.com/coredns/coredns v1.15.0 . | coredns"
  [oras]="go oras.land/oras v1.3.1 cmd/oras | oras"
  [distribution]="go github.com/distribution/distribution/v3 v3.1.2 cmd/registry | distribution"
  [oci-conformance]="suite github.com/opencontainers/distribution-spec/conformance v0.0.0-20231101194043-f2182352d4cc . | oci-conformance"
  [zot]="hand github.com/project-zot/zot | zot"
)
# The first suite of Debian with containerd 2 and Docker 28. Their programs run on older suites too: they are linked
# statically, or need no newer C library. (runc of that suite does, so that this dockerd can hold images and run none.)
readonly LATER=forky
# envtest's convention: where KUBEBUILDER_ASSETS names a folder, these come from it.
readonly ENVTEST_PARTS=" kube-apiserver etcd kubectl "
# go.sum of modules that hardly anybody asks for, so that a mirror of Go's checksum database may not know them.
declare -rA CHECKSUMS=(
  [oci-conformance]="h1:jL+CgYEEZluGb08ZcLpEyhn389kNMlwrWOHaIqXazq0= h1:odnkI+gfnNSdq8NaG/nKvENDEWkXAjjbgp8GKMllVSI="
)
# Options that every call of a program needs. skopeo: its policy file belongs into /etc, where nothing is written.
declare -rA FIRST_OPTIONS=([skopeo]="--insecure-policy")

readonly ROOT=${IMAGE_CLONER_PARTS:-${XDG_CACHE_HOME:-$HOME/.cache}/image-cloner/parts}
readonly BIN=$ROOT/bin
# apt-get downloads as root, because the folder it downloads into is root's.
APT_OPTIONS=(-o APT::Sandbox::User=root)

part_names() { printf '%s\n' "${!RECIPES[@]}" | sort | xargs; }
kind_of() { echo "${RECIPES[$1]%% *}"; }
programs_of() { echo "${RECIPES[$1]##*| }"; }
material_of() {
  local recipe=${RECIPES[$1]% | *}
  echo "${recipe#* }"
}

say() { echo "provide: $*" >&2; }
die() {
  say "$@"
  exit 1
}

# ------------------------------------------------------------------------------------------------ one part

provide() {
  local part=$1
  [[ -v RECIPES[$part] ]] || die "cannot provide '$part', the parts are: $(part_names)"
  if [[ -n ${KUBEBUILDER_ASSETS:-} && $ENVTEST_PARTS == *" $part "* ]]; then
    [[ -x $KUBEBUILDER_ASSETS/$part ]] || die "KUBEBUILDER_ASSETS is '$KUBEBUILDER_ASSETS', which holds no '$part'"
  elif ! is_provided "$part"; then
    make_locked "$part"
  fi
}

is_provided() {
  local program
  [[ $(cat "$ROOT/stamps/$1" 2>/dev/null) == "${RECIPES[$1]}" ]] || return 1
  for program in $(programs_of "$1"); do [[ -x $BIN/$program ]] || return 1; done
}

# The lock makes a second run wait for the first one, and then find the work done.
make_locked() {
  mkdir -p "$BIN" "$ROOT/stamps" "$ROOT/trees"
  exec 9>"$ROOT/lock"
  flock 9
  is_provided "$1" || make "$1"
  exec 9>&-
}

make() {
  local part=$1 started=$SECONDS
  if ! has_tools "$(kind_of "$part")"; then
    is_on_path "$part" || die "cannot make '$part' here. $(by_hand "$part")"
    say "$part: cannot be made here, the one on PATH serves"
    return
  fi
  rm -rf "$ROOT/trees/$part".*
  say "$part: making it of $(material_of "$part")"
  unfinished_part=$part
  unfinished_tree=$(mktemp -d "$ROOT/trees/$part.XXXXXX")
  trap give_up EXIT
  mkdir "$unfinished_tree/bin"
  "make_$(kind_of "$part")" "$part" "$unfinished_tree" >&2
  publish "$part" "$unfinished_tree"
  trap - EXIT
  say "$part: ready in $((SECONDS - started)) s, $(du -sh "$unfinished_tree" | cut -f1)"
}

give_up() {
  rm -rf "$unfinished_tree"
  say "cannot make '$unfinished_part'. $(by_hand "$unfinished_part")"
}

# Whoever starts a program meanwhile gets the old one or the new one: a tree has a name of its own, and what
# points to it is renamed into place.
publish() {
  local program
  for program in $(programs_of "$1"); do
    [[ -x $2/bin/$program ]]
    mkdir -p "$(dirname "$BIN/$program")"
    ln -s "$2/bin/$program" "$2/link"
    mv -T "$2/link" "$BIN/$program"
  done
  echo "${RECIPES[$1]}" >"$2/stamp"
  mv "$2/stamp" "$ROOT/stamps/$1"
}

has_tools() {
  case $1 in
    deb | later) command -v apt-get && command -v dpkg && command -v ldd ;;
    go | kube | suite) command -v go ;;
    *) false ;;
  esac >/dev/null
}

is_on_path() {
  local program
  for program in $(programs_of "$1"); do command -v "$program" >/dev/null || return 1; done
}

by_hand() {
  local material
  material=$(material_of "$1")
  case $(kind_of "$1") in
    deb | later) echo "By hand: on Debian as root 'apt-get install $material', elsewhere put $(programs_of "$1") on PATH" ;;
    go | suite) echo "By hand: get Go, or put $(programs_of "$1") of $material on PATH" ;;
    kube) echo "By hand: get Go, or set KUBEBUILDER_ASSETS to a folder that holds kube-apiserver, etcd and kubectl" ;;
    *) echo "By hand: put $(programs_of "$1") of $material on PATH" ;;
  esac
}

# ------------------------------------------------------------------------------------------------ Debian packages

# Lists of their own: the machine's are about its own suite, and stay as they are.
make_later() {
  use_lists_of_later "$2/apt"
  make_deb "$@"
  rm -rf "$2/apt"
}

use_lists_of_later() {
  local mirror
  mirror=$(debian_mirror)
  [[ $mirror ]] || die "cannot tell where this machine has Debian from: run 'apt-get update' as root first"
  mkdir -p "$1/lists/partial" "$1/cache/archives/partial"
  echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $mirror $LATER main" >"$1/sources.list"
  APT_OPTIONS+=(-o "Dir::Etc::sourcelist=$1/sources.list" -o Dir::Etc::sourceparts=/dev/null
    -o "Dir::State::lists=$1/lists" -o "Dir::Cache=$1/cache" -o Acquire::Languages=none)
  apt-get -qq "${APT_OPTIONS[@]}" update
}

# Where apt has the machine's own release from.
debian_mirror() {
  local codename
  codename=$(sed -n 's/^VERSION_CODENAME=//p' /etc/os-release)
  # shellcheck disable=SC2016 # apt's own variables
  apt-get indextargets --format '$(ORIGIN) $(CODENAME) $(REPO_URI)' 'Created-By: Packages' |
    sed -n "s/^Debian $codename //p" | sort -u | head -n 1
}

make_deb() {
  local part=$1 tree=$2 program
  # shellcheck disable=SC2046 # a list of packages
  unpack "$tree" $(material_of "$part")
  add_libraries "$part" "$tree"
  for program in $(programs_of "$part"); do
    place "$tree" "$program"
  done
  rm -rf "$tree/debs"
}

unpack() {
  local tree=$1 deb
  shift
  mkdir -p "$tree/debs/new" "$tree/root"
  (cd "$tree/debs/new" && download "$@")
  for deb in "$tree"/debs/new/*.deb; do
    dpkg -x "$deb" "$tree/root"
    mv "$deb" "$tree/debs/"
  done
}

# A package list can be missing or name files that the archive has replaced since; then it is fetched, once.
download() {
  apt-get -qq "${APT_OPTIONS[@]}" download "$@" && return
  [[ $(id -u) == 0 ]] || die "cannot download $*: run 'apt-get update' as root first"
  apt-get -qq "${APT_OPTIONS[@]}" update
  apt-get -qq "${APT_OPTIONS[@]}" download "$@"
}

# Goes one step down the packages' dependencies at a time, and only as long as a program misses a library.
add_libraries() {
  local part=$1 tree=$2 packages
  while misses_library "$part" "$tree"; do
    packages=$(new_library_packages "$tree" | xargs)
    [[ $packages ]] || die "$part misses a shared library that none of its packages depends on"
    say "$part: adds $packages"
    # shellcheck disable=SC2086 # a list of packages
    unpack "$tree" $packages
  done
}

misses_library() {
  local program libraries
  libraries=$(library_path "$2")
  for program in $(programs_of "$1"); do
    # Not `grep -q`: it ends at the first line, and the pipe that breaks then would count as a failure.
    if LD_LIBRARY_PATH=$libraries ldd "$(find_program "$2" "$program")" 2>/dev/null | grep 'not found' >/dev/null; then
      return 0
    fi
  done
  return 1
}

new_library_packages() {
  local deb package
  for deb in "$1"/debs/*.deb; do dpkg-deb -f "$deb" Depends; done | tr ',' '\n' | sed -E 's/^ *([^ |]+).*/\1/' |
    grep -E '^lib' | grep -vE '^libc6$' | sort -u | while read -r package; do
    compgen -G "$1/debs/${package}_*.deb" >/dev/null || echo "$package"
  done
}

library_path() {
  find "$1/root" -name '*.so*' -printf '%h\n' | sort -u | paste -sd :
}

find_program() {
  find "$1/root" \( -path "*bin/${2##*/}" -o -path "*/cni/${2##*/}" \) -print -quit
}

# A link where the program runs as it is, else a few lines that set up what it needs.
place() {
  local target libraries
  target=$(find_program "$1" "$2")
  mkdir -p "$(dirname "$1/bin/$2")"
  libraries=$(library_path "$1")
  if [[ -z $libraries && -z ${FIRST_OPTIONS[$2]:-} ]]; then
    ln -s "$target" "$1/bin/$2"
    return
  fi
  cat >"$1/bin/$2" <<END
#!/bin/sh
export LD_LIBRARY_PATH='$libraries'
exec '$target' ${FIRST_OPTIONS[$2]:-} "\$@"
END
  chmod 755 "$1/bin/$2"
}

# ------------------------------------------------------------------------------------------------ Go modules

make_go() {
  local module version package
  read -r module version package <<<"$(material_of "$1")"
  start_module "$2" "$module" "$version"
  build_program "$1" "$2" "$module/$package" '-s -w'
}

# Kubernetes replaces its staging modules by folders that only its repository has. Here they are replaced by what
# is published of them: v1.X.Y becomes v0.X.Y.
make_kube() {
  local module version package staging
  read -r module version package <<<"$(material_of "$1")"
  start_module "$2" "$module" "$version"
  staging_modules "$module@$version" | while read -r staging; do
    go mod edit -replace="$staging=$staging@v0.${version#v1.}"
  done
  build_program "$1" "$2" "$module/$package" "-s -w $(kube_version_flags "$version")"
}

make_suite() {
  local module version package of_module of_file
  read -r module version package <<<"$(material_of "$1")"
  read -r of_module of_file <<<"${CHECKSUMS[$1]}"
  start_module "$2" "$module" "$version"
  printf '%s %s %s\n' "$module" "$version" "$of_module" "$module" "$version/go.mod" "$of_file" >go.sum
  go test -c -mod=mod -trimpath -ldflags '-s -w' -o "$2/bin/$(programs_of "$1")" "$module/$package"
  end_module "$2"
}

# A module of our own, because `go install` refuses modules that replace others. Without cgo a program needs no C
# compiler to be built and no shared library to run.
start_module() {
  export GOFLAGS='' GOWORK=off CGO_ENABLED=0
  mkdir "$1/module"
  cd "$1/module"
  go mod init image-cloner.test/parts
  go mod edit -require="$2@$3"
}

build_program() {
  go build -mod=mod -trimpath -ldflags "$4" -o "$2/bin/$(programs_of "$1")" "$3"
  end_module "$2"
}

end_module() {
  cd "$ROOT"
  rm -r "$1/module"
}

staging_modules() {
  local file
  file=$(go mod download -json "$1" | sed -n 's/^\t"GoMod": "\(.*\)",$/\1/p')
  awk '$2 == "=>" && $3 ~ "^[.]/staging/" { print $1 }' "$file"
}

# The API server announces its version, and kubectl compares it with its own.
kube_version_flags() {
  local minor=${1#v1.} package=k8s.io/component-base/version
  echo "-X $package.gitVersion=$1 -X $package.gitMajor=1 -X $package.gitMinor=${minor%.*}"
}

# ------------------------------------------------------------------------------------------------ the command

case ${1:-} in
  '' | --help | -h)
    echo "usage: provide.sh PART... | --path" >&2
    echo "parts: $(part_names)" >&2
    [[ $# -gt 0 ]]
    ;;
  --path) echo "$BIN" ;;
  *) for part in "$@"; do provide "$part"; done ;;
esac
