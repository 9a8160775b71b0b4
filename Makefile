# What there is to do in this checkout: `make help`. The tools are those of package-lock.json.

NAMESPACE ?= image-cloner
IMAGE ?= image-cloner:latest
BASE ?= node:24-slim
DOCKER ?= docker
KUBECTL ?= kubectl
# How long `make deploy` waits for the pods, and `make undeploy` for their end.
TIMEOUT ?= 180s
# More options for `npm run gen`, `docker build` and vitest.
GEN_OPTIONS ?=
BUILD_OPTIONS ?=
E2E_OPTIONS ?=
BENCH_OPTIONS ?=
# Which scenarios `make e2e-cluster` runs: SCENARIOS='1 2 4'. Default: all of them.
SCENARIOS ?=

SCRIPTS := .ci/run $(wildcard bench/*.sh test/*/*.sh)
# The real programs of the end-to-end tests.
PARTS := busybox containerd crane distribution docker-registry dockerd dockerd-later etcd htpasswd kube-apiserver kubectl \
  oci-conformance oras regctl skopeo
CLUSTER_PARTS := busybox docker-registry dockerd etcd htpasswd \
  kube-apiserver kube-controller-manager kube-scheduler kubectl kubelet containerd runc cni coredns

# deploy/ with NAMESPACE and IMAGE put in. kubectl's own kustomize does it, and sorts the objects so that each comes
# after those it needs: namespace, service account, Secret, Service, Deployment.
define OVERLAY
apiVersion: kustomize.config.k8s.io/v1beta1
kind: Kustomization
namespace: $(NAMESPACE)
resources:
  - ../../deploy
  - ../../deploy/image-cloner-tls.yaml
patches:
  - target: {kind: Deployment, name: image-cloner}
    patch: |-
      - op: replace
        path: /spec/template/spec/containers/0/image
        value: '$(IMAGE)'
sortOptions: {order: legacy}
endef
export OVERLAY

# deploy/agent/ in the same way. The webhook's certificate for asking agents is no part of it: it is another namespace's.
define AGENT_OVERLAY
apiVersion: kustomize.config.k8s.io/v1beta1
kind: Kustomization
namespace: $(NAMESPACE)-agents
resources:
  - ../../deploy/agent
  - ../../deploy/agent/image-cloner-agent-tls.yaml
patches:
  - target: {kind: DaemonSet, name: image-cloner-agent}
    patch: |-
      - op: replace
        path: /spec/template/spec/containers/0/image
        value: '$(IMAGE)'
  - target: {kind: NetworkPolicy, name: image-cloner-agent}
    patch: |-
      - op: replace
        path: /spec/ingress/0/from/0/namespaceSelector/matchLabels/kubernetes.io~1metadata.name
        value: '$(NAMESPACE)'
sortOptions: {order: legacy}
endef
export AGENT_OVERLAY

.DEFAULT_GOAL := help
.PHONY: help install demo test check lint parts e2e conformance cluster cluster-down e2e-cluster bench gen build deploy undeploy deploy-agents undeploy-agents

help: ## Say what there is to do
	@echo 'make TARGET [VARIABLE=value ...]'
	@sed -n 's/^\([a-z0-9-]*\):.*## \(.*\)/  \1               \2/p' Makefile | sed 's/^\(.\{19\}\) */\1/'
	@echo 'Variables: NAMESPACE=$(NAMESPACE) IMAGE=$(IMAGE) BASE=$(BASE) KUBECTL=$(KUBECTL) DOCKER=$(DOCKER)'

# npm writes this file at the end of an installation.
install: node_modules/.package-lock.json ## Install the tools and libraries (every target that needs them does)
node_modules/.package-lock.json: package-lock.json
	npm ci

demo: install ## Show on this machine what image-cloner does, without a cluster
	@npm run -s demo

test: install ## Run the tests that need no installed server
	@npm run -s test

check: lint install ## All that has to be right before a commit: lint, and the tests with their coverage
	@npm run -s coverage

lint: install ## Check versions, format, rules, types, dead code and shell scripts
	@node_modules/.bin/node --version | grep '^v24[.]' || { echo 'lint: want Node 24 in node_modules' >&2; exit 1; }
	@npm run -s format
	@npm run -s lint
	@npm run -s types
	@npm run -s dead
	@if command -v shellcheck >/dev/null; then shellcheck $(SCRIPTS); \
	elif [ -n "$$CI" ]; then echo 'lint: want shellcheck (apt-get install shellcheck)' >&2; exit 1; \
	else echo 'lint: skips the shell scripts, there is no shellcheck (apt-get install shellcheck)'; fi

parts: ## Provide the real programs of the end-to-end tests, in a folder of the cache
	@for part in $(PARTS); do test/parts/provide.sh $$part || [ -z "$$CI" ] || exit 1; done

e2e: install parts ## Run the end-to-end tests: real registries, an API server, a Docker daemon
	@npm run -s e2e -- $(E2E_OPTIONS)

conformance: PARTS := oci-conformance

conformance: install parts ## Judge the embedded registry by the OCI suite, or by another whose program OCI_CONFORMANCE names
	@npm run -s e2e -- conformance

# Parts of a cluster of its own; with CLUSTER=existing a few of them would do.
cluster e2e-cluster: PARTS := $(CLUSTER_PARTS)

cluster: install parts ## Start a Kubernetes cluster on this machine, and print its KUBECONFIG
	@npm run -s cluster -- up

cluster-down: install ## Remove it without a trace
	@npm run -s cluster -- down

e2e-cluster: install parts ## Run the scenarios in a cluster: the one above, a fresh one, or CLUSTER=existing
	@npm run -s e2e-cluster -- $(patsubst %,scenario-%-,$(SCENARIOS)) $(E2E_OPTIONS)

bench: install ## Measure copies beside crane, skopeo, regctl and oras, admissions, plans, and pushes from nodes
	@for part in docker-registry crane skopeo regctl oras containerd dockerd dockerd-later; do \
	  test/parts/provide.sh $$part || exit 1; done
	@npm run -s bench -- $(BENCH_OPTIONS)
	@npm run -s bench-admission
	@npm run -s bench-node
	@npm run -s bench-plan

gen: install ## Make the certificate and the manifests that hold it
	@npm run -s gen -- --namespace '$(NAMESPACE)' $(GEN_OPTIONS)

build: ## Build the container image IMAGE on BASE
	$(DOCKER) build --tag '$(IMAGE)' --build-arg BASE='$(BASE)' --build-arg NPM_CONFIG_REGISTRY $(BUILD_OPTIONS) .

deploy: ## Install IMAGE in the cluster of KUBECTL; the API server is told of the webhook once it serves
	@grep -qs 'namespace: $(NAMESPACE)$$' deploy/image-cloner-webhook.yaml || \
	  { echo 'deploy: want a certificate for $(NAMESPACE), make it with: make gen NAMESPACE=$(NAMESPACE)' >&2; exit 1; }
	@mkdir -p .cache/deploy && printf '%s\n' "$$OVERLAY" >.cache/deploy/kustomization.yaml
	$(KUBECTL) kustomize --load-restrictor LoadRestrictionsNone .cache/deploy | $(KUBECTL) apply -f -
	$(KUBECTL) --namespace '$(NAMESPACE)' rollout status deployment/image-cloner --timeout '$(TIMEOUT)'
	$(KUBECTL) apply -f deploy/image-cloner-webhook.yaml

undeploy: ## Remove it: the webhook configuration first, then NAMESPACE with all that is in it
	$(KUBECTL) delete --ignore-not-found mutatingwebhookconfiguration image-cloner
	$(KUBECTL) delete --ignore-not-found --timeout '$(TIMEOUT)' namespace '$(NAMESPACE)'

deploy-agents: ## Install the node agents in NAMESPACE-agents, and what the webhook asks them with in NAMESPACE
	@grep -qs 'namespace: $(NAMESPACE)-agents$$' deploy/agent/image-cloner-agent-tls.yaml || \
	  { echo 'deploy-agents: want a certificate for $(NAMESPACE), make it with: make gen NAMESPACE=$(NAMESPACE)' >&2; exit 1; }
	@mkdir -p .cache/deploy-agents && printf '%s\n' "$$AGENT_OVERLAY" >.cache/deploy-agents/kustomization.yaml
	$(KUBECTL) kustomize --load-restrictor LoadRestrictionsNone .cache/deploy-agents | $(KUBECTL) apply -f -
	$(KUBECTL) apply -f deploy/agent/image-cloner-agents.yaml
	$(KUBECTL) --namespace '$(NAMESPACE)-agents' rollout status daemonset/image-cloner-agent --timeout '$(TIMEOUT)'

undeploy-agents: ## Remove them: NAMESPACE-agents with all that is in it
	$(KUBECTL) delete --ignore-not-found --namespace '$(NAMESPACE)' secret image-cloner-agents
	$(KUBECTL) delete --ignore-not-found --timeout '$(TIMEOUT)' namespace '$(NAMESPACE)-agents'
