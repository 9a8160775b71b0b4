import { z } from 'zod';
import { MAP, RULES, WORKLOADS } from './judgement-settings.ts';
import {
  address,
  addresses,
  amount,
  choice,
  flag,
  hostPatterns,
  hosts,
  path,
  platforms,
  registryPrefix,
  seconds,
  word,
} from './setting.ts';

/** What an API server grants a webhook at most (`timeoutSeconds`, admissionregistration.k8s.io/v1), less one to answer. */
const LONGEST_WAIT = 29;
const DAY = 86_400;
/** Each transfer holds a socket on either side and a buffer; registries start to refuse long before this. */
const MOST_TRANSFERS = 64;
/** Kubernetes' `terminationGracePeriodSeconds` is rarely longer; a second signal ends the wait. */
const LONGEST_GRACE = 300;

const REGISTRY = z.strictObject({
  prefix: registryPrefix({
    what: 'Backup registry: all copies live under this host and path. A host alone gets the user name as path.',
    otherwise: 'docker.io/<user name>',
  }).optional(),
  authDir: path({
    what: 'Folder with the credentials of the backup registry: files `username` and `password`, or `.dockerconfigjson`. An empty folder means anonymous.',
  }).default('/auth'),
  plainHttp: flag({
    what: 'Reach the backup registry by plain HTTP. Loopback hosts may always speak it.',
  }).default(false),
  naming: choice(['keep-host', 'flat', 'basename', 'map'], {
    what: 'Names of copies: `keep-host` keeps host and path of the source below the prefix, `flat` puts all in one level, `basename` keeps the last component alone, `map` asks `registry.map` or `registry.mapFile`. See docs/naming.md.',
    otherwise: 'flat on Docker Hub, else keep-host',
  }).optional(),
  map: MAP.optional(),
  mapFile: path({
    what: "Of naming `map`: ImageSwap's map file, as it is. Read again when it changes.",
    otherwise: 'none',
  }).optional(),
});

const SOURCES = z.strictObject({
  plainHttp: hosts({
    what: 'Source registries reached by plain HTTP.',
  }).default([]),
  internal: hosts({
    what: 'Hosts that may have an internal address (loopback, private, link-local) when a source is read: others are refused, because tenants choose the host. Those in `sources.plainHttp` may, too.',
  }).default([]),
  allow: hostPatterns({
    what: 'Registries that images may be copied from; none means all. `*.example.com` stands for every host below that domain, a host without a port for all its ports.',
    otherwise: 'all registries',
  }).default([]),
  deny: hostPatterns({
    what: 'Registries that no image is copied from, whatever `sources.allow` says.',
  }).default([]),
  concurrency: amount(
    { least: 1, most: MOST_TRANSFERS },
    { what: 'Copies from one source registry at once; further ones wait for their turn.' },
  ).default(8),
  authDir: path({
    what: 'Folder with credentials for sources: `<registry>.json` files with `username`, `password` and, if wanted, `duration`. The longest domain suffix wins: `gcr.io.json` serves `us.gcr.io`; a port is written `_5000`.',
    otherwise: 'none',
  }).optional(),
  dockerConfig: path({
    what: "Docker's `config.json` (or a `.dockerconfigjson`) with credentials for sources.",
    otherwise: 'none',
  }).optional(),
  credentialHelpers: flag({
    what: 'Run the credential helpers that `sources.dockerConfig` names (`credHelpers`, `credsStore`), found on the `PATH`.',
  }).default(false),
  credentialProviders: z.strictObject({
    config: path({
      what: "A kubelet's `CredentialProviderConfig` file: its plugins give credentials for sources, as on the nodes of a cloud. Read at the start.",
      otherwise: 'none',
    }).optional(),
    binDir: path({ what: 'Folder with the programs of these plugins.' }).default('/credential-providers'),
  }),
});

const COPY = z.strictObject({
  engine: choice(['auto', 'registry', 'docker', 'containerd'], {
    what: 'Who reads an image that has no copy yet: `auto` its registry, and where that cannot give it what a node holds (`docker.socket`, `containerd.socket`, `agents.addresses`); `docker` and `containerd` let that daemon pull it first; `registry` asks no node. See docs/nodes.md.',
  }).default('auto'),
  onPending: choice(['allow', 'rewrite', 'deny'], {
    what: 'What a workload gets whose copy is still under way: `allow` leaves the source in place, `rewrite` points at the copy already, `deny` refuses.',
  }).default('allow'),
  onFailure: choice(['allow', 'deny'], {
    what: 'What a workload gets whose copy failed: `allow` leaves the source in place, `deny` refuses.',
  }).default('allow'),
  waitSeconds: seconds(
    { least: 0, most: LONGEST_WAIT },
    {
      what: "Longest wait for copies inside one admission. The API server's own limit ends the wait earlier; the copy goes on.",
    },
  ).default(10),
  sourceCheckSeconds: seconds(
    { least: 0.1, most: LONGEST_WAIT },
    { what: 'Longest wait for the source to say whether a copy that exists is still current.' },
  ).default(1),
  freshSeconds: seconds(
    { least: 0, most: DAY },
    { what: 'How long a confirmed copy is used without asking any registry again.' },
  ).default(10),
  platforms: platforms({
    what: 'Platforms of an index that are copied, such as `linux/amd64`; none means all, `nodes` alone those of the nodes of the cluster (docs/tenants.md). A source given by digest is copied whole.',
  }).default([]),
  referrers: flag({
    what: 'Copy signatures, attestations and SBOMs that refer to an image as well, after it.',
  }).default(false),
  concurrency: amount(
    { least: 1, most: MOST_TRANSFERS },
    { what: 'Layers transferred at once, over all copies.' },
  ).default(12),
  lease: flag({
    what: 'Let one of several replicas make a copy while the others wait for it, by a Lease (coordination.k8s.io) in the namespace of the pod. Wants the rights in `deploy/lease-role.yaml`.',
  }).default(false),
  timeoutSeconds: seconds(
    { least: 1, most: DAY },
    { what: 'Longest time that one copy may take in the background.' },
  ).default(3600),
});

const ACCESS = z.strictObject({
  pullSecrets: flag({
    what: "Read private sources with the pull secrets of the pod and of its service account; wants a Role in each namespace that is to have it. A copy made so is the namespace's own. See docs/tenants.md.",
  }).default(false),
  shared: flag({
    what: 'Copies made with pull secrets are for every namespace: for clusters with one tenant.',
  }).default(false),
  rememberSeconds: seconds(
    { least: 0, most: DAY },
    {
      what: 'How long a pull secret that a source refused is not shown to it again, and a source that only pull secrets open is not asked without.',
    },
  ).default(60),
  kubeconfig: path({
    what: 'File that says where the API server is and who we are to it. Read only where a setting needs the API server.',
    otherwise: "the pod's service account",
  }).optional(),
});

const CONTAINERD = z.strictObject({
  socket: path({
    what: 'Socket of the containerd of this node, such as `/run/containerd/containerd.sock`. Whoever can use it is root on the node.',
    otherwise: 'none',
  }).optional(),
  namespace: word({ what: 'Namespace of containerd that holds the images of the node.' }).default('k8s.io'),
  hostsDir: path({
    what: "Folder with the `hosts.toml` files (mirrors, authorities) that containerd 2 pulls by for `copy.engine: containerd`, as the daemon sees it. Kubernetes' part, which pulls for 1.6, and containerd 1.7 know no other than their own.",
    otherwise: '/etc/containerd/certs.d',
  }).optional(),
});

const AGENTS = z.strictObject({
  addresses: addresses({
    what: 'Node agents that are asked for an image that its registry cannot give. A name stands for all addresses that it has.',
  }).default([]),
  caFile: path({ what: 'Authority that both sides of this have their certificates from, PEM.' }).default(
    '/agents/ca.crt',
  ),
  certFile: path({
    what: 'Certificate by which the webhook is known to agents, and an agent to the webhook, PEM.',
  }).default('/agents/tls.crt'),
  keyFile: path({ what: 'Private key of that certificate, PEM.' }).default('/agents/tls.key'),
});

const TLS = z.strictObject({
  certFile: path({
    what: 'Certificate chain of the webhook, PEM. A change is served without a restart.',
  }).default('/tls/tls.crt'),
  keyFile: path({ what: 'Private key of that certificate, PEM.' }).default('/tls/tls.key'),
});

/** Every key, its default and what is said of it: the one place. */
export const SCHEMA = z.strictObject({
  registry: REGISTRY,
  sources: SOURCES,
  copy: COPY,
  access: ACCESS,
  docker: z.strictObject({
    socket: path({
      what: 'Socket of the Docker daemon of this node, such as `/var/run/docker.sock`. Whoever can use it is root on the node.',
      otherwise: 'none',
    }).optional(),
  }),
  containerd: CONTAINERD,
  agents: AGENTS,
  tags: z.strictObject({
    pin: flag({
      what: 'Write the digest of a copy behind its tag (`backup:tag@digest`): a tag that moves later reaches a workload only when it is applied again.',
    }).default(false),
    moved: choice(['refresh', 'keep', 'warn'], {
      what: 'What becomes of a copy whose tag has another image at the source by now: `refresh` copies that, and the earlier one keeps a tag of its own; `keep` stays with the first copy and does not ask; `warn` stays with it and says so.',
    }).default('refresh'),
  }),
  rules: RULES.default([]),
  workloads: WORKLOADS.default([]),
  webhook: z.strictObject({
    enabled: flag({
      what: 'Look at images at all: `false` leaves the webhook running and every workload as it is.',
    }).default(true),
  }),
  certsDir: path({
    what: "Folder with certificates of registries, in Docker's layout: `<host[:port]>/ca.crt`, `client.cert`, `client.key`. For sources and the backup registry.",
    otherwise: 'none',
  }).optional(),
  tls: TLS,
  listen: address({ what: 'Where the webhook listens (HTTPS). Port 0 takes a free one.' }).default(':8443'),
  metrics: z.strictObject({
    listen: address({ what: 'Where `/metrics` is served (plain HTTP).' }).default(':9090'),
  }),
  log: z.strictObject({
    level: choice(['debug', 'info', 'warn', 'error'], { what: 'Least severe line that is logged.' }).default(
      'info',
    ),
    format: choice(['auto', 'json', 'text'], {
      what: 'Form of log lines; `auto` writes text on a terminal and JSON elsewhere.',
    }).default('auto'),
  }),
  shutdown: z.strictObject({
    graceSeconds: seconds(
      { least: 0, most: LONGEST_GRACE },
      {
        what: 'How long a stopping webhook still answers, so that every API server has learnt that it goes.',
      },
    ).default(10),
  }),
});
